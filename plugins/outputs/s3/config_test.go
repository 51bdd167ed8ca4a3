package s3

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/logpipe/logpipe/engine"
)

func valid() Config {
	cfg := Defaults()
	cfg.Bucket, cfg.Key = "logs", keyed("logs/")
	return cfg
}

// attributes are the places of all mistakes.
func attributes(err error) []string {
	var attrs []string
	var collect func(error)
	collect = func(err error) {
		var attr *engine.AttrError
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				collect(e)
			}
		} else if errors.As(err, &attr) {
			attrs = append(attrs, attr.Attr)
		}
	}
	collect(err)
	return attrs
}

const arn = "arn:aws:s3:us-east-1:123456789012:accesspoint/logs"

func eleven() map[string]string {
	all := map[string]string{}
	for i := range 11 {
		all[strings.Repeat("t", i+1)] = "x"
	}
	return all
}

func TestValidate(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*Config)
		attr   string // "" for none
	}{
		"as it is":              {func(*Config) {}, ""},
		"empty texts":           {func(c *Config) { c.PathStyle, c.Checksum, c.Format, c.Compression = "", "", "", "" }, ""},
		"no bucket":             {func(c *Config) { c.Bucket = "" }, "bucket"},
		"bucket URL":            {func(c *Config) { c.Bucket = "s3://logs" }, "bucket"},
		"bucket with prefix":    {func(c *Config) { c.Bucket = "logs/app" }, "bucket"},
		"bucket ARN":            {func(c *Config) { c.Bucket = "arn:aws:s3:us-east-1:123456789012:accesspoint/logs" }, ""},
		"bucket with a space":   {func(c *Config) { c.Bucket = "my logs" }, "bucket"},
		"no key":                {func(c *Config) { c.Key = engine.Template{} }, "key"},
		"key without id":        {func(c *Config) { c.Key = engine.Literal("logs/all.ndjson") }, "key"},
		"key with a part of id": {func(c *Config) { c.Key = engine.NewTemplate("${substr(batch.id, 0, 8)}", []string{"batch.id"}, nil) }, "key"},
		"key with slash":        {func(c *Config) { c.Key = keyed("/logs/") }, "key"},
		"key with dots":         {func(c *Config) { c.Key = keyed("logs/../") }, "key"},
		"key that says gzip": {func(c *Config) {
			c.Key = engine.NewTemplate("${batch.id}.gz", []string{"batch.id"}, nil).Holding("batch.id")
		}, "key"},
		"endpoint":                {func(c *Config) { c.Endpoint = "https://s3.example.com:9000" }, ""},
		"endpoint without scheme": {func(c *Config) { c.Endpoint = "localhost:9000" }, "endpoint"},
		"endpoint with password":  {func(c *Config) { c.Endpoint = "http://me:hush-hush@localhost:9000" }, "endpoint"},
		"endpoint with query":     {func(c *Config) { c.Endpoint = "http://localhost:9000?a=b" }, "endpoint"},
		"path_style":              {func(c *Config) { c.PathStyle = "yes" }, "path_style"},
		"checksum":                {func(c *Config) { c.Checksum = "never" }, "checksum"},
		"format":                  {func(c *Config) { c.Format = "csv" }, "format"},
		"compression":             {func(c *Config) { c.Compression = "lz4" }, "compression"},
		"level":                   {func(c *Config) { c.Compression, c.CompressionLevel = "gzip", 10 }, "compression_level"},
		"level of nothing":        {func(c *Config) { c.CompressionLevel = 1 }, "compression_level"},
		"content type":            {func(c *Config) { c.ContentType = "a\r\nb: c" }, "content_type"},
		"content encoding":        {func(c *Config) { c.ContentEncoding = "ä" }, "content_encoding"},
		"storage class":           {func(c *Config) { c.StorageClass = "COLD" }, "storage_class"},
		"storage class of others": {func(c *Config) { c.StorageClass, c.Endpoint = "COLD", "http://localhost:9000" }, ""},
		"encryption":              {func(c *Config) { c.ServerSideEncryption = "rot13" }, "server_side_encryption"},
		"key of no encryption":    {func(c *Config) { c.KMSKey = "alias/logs" }, "kms_key"},
		"KMS":                     {func(c *Config) { c.KMSKey, c.ServerSideEncryption = "alias/logs", "aws:kms" }, ""},
		"no time":                 {func(c *Config) { c.Timeout = 0 }, "timeout"},
		"access key alone":        {func(c *Config) { c.AccessKey = engine.NewSecret("k") }, "access_key"},
		"secret key alone":        {func(c *Config) { c.SecretKey = engine.NewSecret("s") }, "secret_key"},
		"token alone":             {func(c *Config) { c.SessionToken = engine.NewSecret("t") }, "session_token"},
		"profile and keys": {func(c *Config) {
			c.Profile, c.AccessKey, c.SecretKey = "p", engine.NewSecret("k"), engine.NewSecret("s")
		}, "profile"},
		"named access point, endpoint":   {func(c *Config) { c.Bucket, c.Endpoint = arn, "http://localhost:9000" }, "bucket"},
		"named access point, path_style": {func(c *Config) { c.Bucket, c.PathStyle = arn, "true" }, "bucket"},
		"called gzip, not packed":        {func(c *Config) { c.ContentEncoding = "gzip" }, "content_encoding"},
		"called gzip, is zstd":           {func(c *Config) { c.ContentEncoding, c.Compression = "GZIP", "zstd" }, "content_encoding"},
		"called brotli":                  {func(c *Config) { c.ContentEncoding, c.Compression = "identity, br", "gzip" }, "content_encoding"},
		"called gzip, is gzip":           {func(c *Config) { c.ContentEncoding, c.Compression = "gzip", "gzip" }, ""},
		"called chunks":                  {func(c *Config) { c.ContentEncoding = "aws-chunked" }, "content_encoding"},
		"checksum md5":                   {func(c *Config) { c.Checksum = "md5" }, ""},
		"acl":                            {func(c *Config) { c.ACL = "bucket-owner-full-control" }, ""},
		"acl that is none":               {func(c *Config) { c.ACL = "owner" }, "acl"},
		"acl of others":                  {func(c *Config) { c.ACL, c.Endpoint = "project-private", "http://localhost:9000" }, ""},
		"bucket key":                     {func(c *Config) { c.BucketKey, c.ServerSideEncryption = true, "aws:kms" }, ""},
		"bucket key of AES256":           {func(c *Config) { c.BucketKey, c.ServerSideEncryption = true, "AES256" }, "bucket_key"},
		"tags":                           {func(c *Config) { c.Tags = map[string]string{"team": "pay ments/ä", "empty": ""} }, ""},
		"tags, 11":                       {func(c *Config) { c.Tags = eleven() }, "tags"},
		"tag of Amazon":                  {func(c *Config) { c.Tags = map[string]string{"AWS:x": "y"} }, "tags"},
		"tag with a long value":          {func(c *Config) { c.Tags = map[string]string{"x": strings.Repeat("ä", 257)} }, "tags"},
		"tag with a line break":          {func(c *Config) { c.Tags = map[string]string{"x": "a\nb"} }, "tags"},
		"metadata":                       {func(c *Config) { c.Metadata = map[string]string{"Env": "prod"} }, ""},
		"metadata of ours":               {func(c *Config) { c.Metadata = map[string]string{"Logpipe-Batch": "x"} }, "metadata"},
		"metadata twice":                 {func(c *Config) { c.Metadata = map[string]string{"a": "1", "A": "2"} }, "metadata"},
		"metadata with a space":          {func(c *Config) { c.Metadata = map[string]string{"a b": "1"} }, "metadata"},
		"metadata with an umlaut":        {func(c *Config) { c.Metadata = map[string]string{"a": "ä"} }, "metadata"},
		"metadata with an end":           {func(c *Config) { c.Metadata = map[string]string{"a": "b\n"} }, "metadata"},
		"metadata, too much":             {func(c *Config) { c.Metadata = map[string]string{"a": strings.Repeat("b", 1536)} }, "metadata"},
		"external id alone":              {func(c *Config) { c.ExternalID = "4711" }, "external_id"},
		"session name alone":             {func(c *Config) { c.SessionName = "logs" }, "session_name"},
		"session with a role": {func(c *Config) {
			c.RoleARN, c.ExternalID, c.SessionName = "arn:aws:iam::1:role/r", "a:b/c", "logs@prod"
		}, ""},
		"external id with a space":  {func(c *Config) { c.RoleARN, c.ExternalID = "arn:aws:iam::1:role/r", "a b" }, "external_id"},
		"session name with a colon": {func(c *Config) { c.RoleARN, c.SessionName = "arn:aws:iam::1:role/r", "a:b" }, "session_name"},
		"proxy":                     {func(c *Config) { c.Proxy = engine.NewSecret("http://me:hush-hush@proxy:3128") }, ""},
		"no proxy":                  {func(c *Config) { c.Proxy = engine.NewSecret("none") }, ""},
		"proxy without scheme":      {func(c *Config) { c.Proxy = engine.NewSecret("hush-hush:3128") }, "proxy"},
		"proxy with a path":         {func(c *Config) { c.Proxy = engine.NewSecret("http://proxy:3128/hush-hush") }, "proxy"},

		"role":                     {func(c *Config) { c.RoleARN = "logs" }, "role_arn"},
		"certificate without name": {func(c *Config) { c.TLS = &TLS{} }, "tls.ca"},
	} {
		cfg := valid()
		row.change(&cfg)
		err := cfg.Validate()
		if got := strings.Join(attributes(err), " "); got != row.attr {
			t.Errorf("%s: mistakes in %q: %v", name, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "hush-hush") {
			t.Errorf("%s: %v tells the password", name, err)
		}
	}
}

// All mistakes are told in one run.
func TestValidateTellsAllMistakes(t *testing.T) {
	cfg := Config{Endpoint: "x", Compression: "lz4", KMSKey: "k", SecretKey: engine.NewSecret("s")}
	want := []string{"bucket", "key", "endpoint", "compression", "kms_key", "secret_key", "timeout"}
	if diff := cmp.Diff(want, attributes(cfg.Validate())); diff != "" {
		t.Error(diff)
	}
}

func TestKey(t *testing.T) {
	for _, row := range []struct{ prefix, compression, want string }{
		{"logs/", "none", "logs/b1.ndjson"},
		{"logs/", "gzip", "logs/b1.ndjson.gz"},
		{"logs/", "zstd", "logs/b1.ndjson.zst"},
	} {
		cfg := valid()
		cfg.Key, cfg.Compression = keyed(row.prefix), row.compression
		got, err := open(t, cfg).Rehearse(batchOf("b1", "a"))
		if err != nil || got != row.want {
			t.Errorf("%+v: %q, %v", row, got, err)
		}
	}
	cfg := valid()
	cfg.Compression = "gzip"
	cfg.Key = engine.NewTemplate("", []string{"batch.id"}, func(b *engine.Batch) (string, error) { return b.ID + ".gz", nil }).Holding("batch.id")
	if got, err := open(t, cfg).key(batchOf("b1")); err != nil || got != "b1.gz" {
		t.Errorf("the extension that is there already: %q, %v", got, err)
	}
	if _, err := open(t, cfg).key(batchOf("")); err == nil {
		t.Error("a batch without id got a key, which the next one would share")
	}
	cfg.Key = engine.NewTemplate("", []string{"batch.id"}, func(*engine.Batch) (string, error) { return "", errors.New("no such variable") }).Holding("batch.id")
	if _, err := open(t, cfg).key(batchOf("b1")); err == nil || engine.IsPermanent(err) {
		t.Errorf("a template that fails: %v", err)
	}
}

// Each message of a batch has a key too long: their partition's. No attempt can mend that, and no other batch must wait for it.
func TestKeyThatIsTooLong(t *testing.T) {
	cfg := valid()
	cfg.Key = keyed(strings.Repeat("x", maxKey-len("b1.ndjson")))
	if _, err := open(t, cfg).key(batchOf("b1")); err != nil {
		t.Error(err)
	}
	if err := open(t, cfg).Write(t.Context(), batchOf("b10", "a")); !engine.IsPermanent(err) {
		t.Errorf("got %v", err)
	}
}

// What is chosen by itself: Amazon's own server gets checksums and names in the host, others get neither.
func TestAutomaticSettings(t *testing.T) {
	noAWS(t)
	for name, row := range map[string]struct {
		change      func(*Config)
		path        bool
		calculation aws.RequestChecksumCalculation
		region      string
	}{
		"Amazon":          {func(*Config) {}, false, aws.RequestChecksumCalculationWhenSupported, "us-east-1"},
		"Amazon, changed": {func(c *Config) { c.PathStyle, c.Checksum, c.Region = "true", "required", "eu-west-1" }, true, aws.RequestChecksumCalculationWhenRequired, "eu-west-1"},
		"an endpoint":     {func(c *Config) { c.Endpoint = "http://localhost:9000" }, true, aws.RequestChecksumCalculationWhenRequired, "us-east-1"},
		"an endpoint, changed": {func(c *Config) { c.Endpoint, c.PathStyle, c.Checksum = "http://localhost:9000", "false", "always" }, false,
			aws.RequestChecksumCalculationWhenSupported, "us-east-1"},
	} {
		cfg := valid()
		row.change(&cfg)
		c, err := open(t, cfg).connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		options := c.api.Options()
		if options.UsePathStyle != row.path || options.RequestChecksumCalculation != row.calculation || options.Region != row.region {
			t.Errorf("%s: path style %v, checksum %v, region %s", name, options.UsePathStyle, options.RequestChecksumCalculation, options.Region)
		}
		if n := options.Retryer.MaxAttempts(); n != 1 {
			t.Errorf("%s: the SDK tries %d times by itself", name, n)
		}
	}
	t.Setenv("AWS_REGION", "eu-central-1")
	t.Setenv("AWS_ENDPOINT_URL_S3", "http://localhost:9000")
	c, err := open(t, valid()).connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if o := c.api.Options(); !o.UsePathStyle || o.Region != "eu-central-1" || o.RequestChecksumCalculation != aws.RequestChecksumCalculationWhenRequired {
		t.Errorf("an endpoint from the environment: %v, %s, %v", o.UsePathStyle, o.Region, o.RequestChecksumCalculation)
	}
}

func TestOptionsReachTheRequest(t *testing.T) {
	cfg := valid()
	cfg.StorageClass, cfg.ServerSideEncryption, cfg.KMSKey, cfg.ContentEncoding = "STANDARD_IA", "aws:kms", "alias/logs", "x"
	o := open(t, cfg)
	b := batchOf("b1", "a")
	buffer, err := o.encoder.Encode(b)
	if err != nil {
		t.Fatal(err)
	}
	got := o.request("k", b, buffer)
	want := &s3.PutObjectInput{StorageClass: "STANDARD_IA", ServerSideEncryption: "aws:kms", SSEKMSKeyId: aws.String("alias/logs"), ContentEncoding: aws.String("x")}
	if got.StorageClass != want.StorageClass || got.ServerSideEncryption != want.ServerSideEncryption || *got.SSEKMSKeyId != *want.SSEKMSKeyId || *got.ContentEncoding != *want.ContentEncoding {
		t.Errorf("got %+v", got)
	}
}

func TestPluginDescribesItself(t *testing.T) {
	cfg := Plugin.NewConfig().(*Config)
	if !engine.TraitsOf(cfg).Sealed {
		t.Error("batches of one chunk would become objects unnoticed")
	}
	if Plugin.Name() != "s3" || Plugin.Kind() != engine.KindOutput {
		t.Errorf("it is %s %s", Plugin.Kind(), Plugin.Name())
	}
}
