package interop

import (
	"slices"

	"github.com/logpipe/logpipe/test/servers"
)

const (
	python    = "/usr/bin/python3"
	pythonLib = "/usr/lib/python3/dist-packages/"
)

// clients are all. The first reads types as they are on the wire, so it is the one that absolute values are compared with.
var clients = []*client{
	{name: "librabbitmq", file: "librabbitmq_client.c", command: compiledC, writes: true, reads: true, blind: []string{"*.noname"},
		packages: []servers.Package{{Name: "librabbitmq-dev", File: "/usr/include/amqp.h"}, {Name: "libcjson-dev", File: "/usr/include/cjson/cJSON.h"}, {Name: "gcc", File: "/usr/bin/gcc"}}},
	{name: "pika", file: "pika_client.py", command: interpreted(python), writes: true, reads: true,
		blind:    append([]string{"*.Tfar", "*.timefar"}, unknownInteger...),
		packages: []servers.Package{{Name: "python3-pika", File: pythonLib + "pika"}}},
	{name: "pyamqp", file: "pyamqp_client.py", command: interpreted(python), writes: true, reads: true,
		blind:    append([]string{"*.s", "*.Tfar", "proton.ids", "rhea.ids", "aiopika.A", "rabbitmqclient.A", "rabbitmqclient.x"}, unknownInteger...), // it takes s for a short text
		packages: []servers.Package{{Name: "python3-amqp", File: pythonLib + "amqp"}}},
	{name: "kombu", file: "kombu_client.py", command: interpreted(python), writes: true, own: true,
		packages: []servers.Package{{Name: "python3-kombu", File: pythonLib + "kombu"}, {Name: "python3-yaml", File: pythonLib + "yaml"}}},
	{name: "aiopika", file: "aiopika_client.py", command: interpreted(python), writes: true, reads: true,
		blind:    append([]string{"*.Tfar", "*.timefar", "rhea.millis", "proton.ids", "rhea.ids"}, unknownInteger...),
		packages: []servers.Package{{Name: "python3-aio-pika", File: pythonLib + "aio_pika"}}},
	{name: "amqplib", file: "amqplib_client.js", command: node, writes: true, reads: true, packages: nodePackages, blind: unknownInteger},
	{name: "rabbitmqclient", file: "rabbitmqclient_client.js", command: node, writes: true, reads: true, packages: nodePackages, blind: unknownInteger},
	{name: "cloudamqp", file: "cloudamqp_client.js", command: node, writes: true, reads: true, packages: nodePackages,
		blind: append([]string{"*.large", "*.cluster"}, unknownInteger...)},
	{name: "java", file: "JavaClient.java", command: compiledJava, writes: true, reads: true, blind: append([]string{"*.B", "*.u", "*.i"}, unknownInteger...),
		packages: []servers.Package{{Name: "librabbitmq-client-java", File: javaLibrary}, {Name: "default-jdk-headless", File: "/usr/bin/javac"}, {Name: "libslf4j-java", File: javaLog}}},
	{name: "bunny", file: "bunny_client.rb", command: interpreted("/usr/bin/ruby"), writes: true, reads: true,
		blind:    append([]string{"*.B", "*.u", "*.i", "*.V"}, unknownInteger...),
		packages: []servers.Package{{Name: "ruby-bunny", File: "/usr/share/rubygems-integration/all/specifications/bunny-*"}}},
	{name: "phpamqplib", file: "phpamqplib_client.php", command: interpreted("/usr/bin/php"), writes: true, reads: true,
		blind:    append([]string{"*.longname", "*.noname"}, unknownInteger...),
		packages: []servers.Package{{Name: "php-amqplib", File: "/usr/share/php/PhpAmqpLib/autoload.php"}, {Name: "php-cli", File: "/usr/bin/php"}, {Name: "php-mbstring", File: "/usr/lib/php/*/mbstring.so"}, {Name: "php-bcmath", File: "/usr/lib/php/*/bcmath.so"}}},
	{name: "perl", file: "perl_client.pl", command: interpreted("/usr/bin/perl"), writes: true,
		packages: []servers.Package{{Name: "libanyevent-rabbitmq-perl", File: "/usr/share/perl5/AnyEvent/RabbitMQ.pm"}}},
	{name: "erlang", file: "erlang_client.escript", command: escript, writes: true, reads: true,
		packages: []servers.Package{{Name: "rabbitmq-server", File: erlangPlugins}, {Name: "erlang-base", File: "/usr/bin/escript"}}},
	{name: "proton", file: "proton_client.py", command: interpreted(python), writes: true, own: true,
		packages: []servers.Package{{Name: "python3-qpid-proton", File: pythonLib + "proton"}}},
	{name: "rhea", file: "rhea_client.js", command: node, writes: true, own: true, packages: nodePackages},
	{name: "stomp", file: "stomp_client.py", command: interpreted(python), writes: true, own: true,
		packages: []servers.Package{{Name: "python3-stomp", File: pythonLib + "stomp"}}},
	{name: "mqtt", file: "mqtt_client.py", command: interpreted(python), writes: true, own: true,
		packages: []servers.Package{{Name: "mosquitto-clients", File: "/usr/bin/mosquitto_pub"}}},
	{name: "tools", file: "tools_client.py", command: interpreted(python), writes: true, own: true,
		packages: []servers.Package{{Name: "amqp-tools", File: "/usr/bin/amqp-publish"}}},
	{name: "curl", file: "curl_client.py", command: interpreted(python), writes: true, own: true, reads: true,
		blind:    append([]string{"proton.most", "rhea.most", "rhea.Tfar", "rhea.timefar"}, unknownInteger...), // the management API tells what the broker has, and not what it delivers
		packages: []servers.Package{{Name: "curl", File: "/usr/bin/curl"}}},
}

// unknownInteger is the type L, which few others know, or take for something else. py-amqp writes it, and so do kombu and celery: 4.x makes it an
// l, 3.x does not. Two who know it read it.
var unknownInteger = []string{"*.L", "pyamqp.Imin", "pyamqp.l", "kombu.celery"}

var nodePackages = []servers.Package{{Name: "nodejs", File: "/usr/*/node"}, {Name: "npm", File: "/usr/*/npm"}}

const (
	javaLibrary   = "/usr/share/java/amqp-client.jar"
	javaLog       = "/usr/share/java/slf4j-api.jar"
	erlangPlugins = "/usr/lib/rabbitmq/lib/rabbitmq_server-*/plugins/amqp_client-*"
)

// storeReaders are clients of S3.
var storeReaders = []*client{
	{name: "boto3", file: "boto3_client.py", command: interpreted(python),
		packages: []servers.Package{{Name: "python3-boto3", File: pythonLib + "boto3"}, {Name: "zstd", File: "/usr/bin/zstd"}}},
	{name: "curl", file: "curls3_client.py", command: interpreted(python),
		packages: []servers.Package{{Name: "curl", File: "/usr/bin/curl"}, {Name: "zstd", File: "/usr/bin/zstd"}}},
	{name: "duckdb", file: "duckdb_client.js", command: node, packages: append(slices.Clone(nodePackages), servers.Package{Name: "curl", File: "/usr/bin/curl"})},
}
