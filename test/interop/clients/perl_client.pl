# AnyEvent::RabbitMQ and its codec Net::AMQP: libanyevent-rabbitmq-perl. It cannot read what others write (no 64-bit integer, no void), so it
# only writes.
use strict;
use warnings;
use AnyEvent;
use AnyEvent::RabbitMQ;
use JSON::PP;
use MIME::Base64;
use Net::AMQP::Value;

my $json = JSON::PP->new->utf8->allow_nonref;
my $task = $json->decode(do { local $/; <STDIN> });
die "it only writes\n" unless $ARGV[0] eq 'write';

sub native {
    my ($letter, $v) = @{ $_[0] };
    return $v ? Net::AMQP::Value::true : Net::AMQP::Value::false if $letter eq 't';
    return Net::AMQP::Value::Integer->new($v) if $letter eq 'I';
    return Net::AMQP::Value::Timestamp->new($v) if $letter eq 'T';
    if ($letter eq 'S') { utf8::encode($v); return Net::AMQP::Value::String->new($v) }
    return Net::AMQP::Value::String->new(decode_base64($v)) if $letter eq 'S*';
    return { map { my $name = $_; utf8::encode($name); ($name => native($v->{$_})) } keys %$v } if $letter eq 'F';
    return [ map { native($_) } @$v ] if $letter eq 'A';
    return undef if $letter eq 'V';
    die "cannot\n";
}

my ($host, $port, $vhost) = $task->{url} =~ m{@([^:/]+):(\d+)/(.*)$};
my ($user, $password) = $task->{url} =~ m{//([^:]+):([^@]+)@};
$vhost =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;

my $done = AnyEvent->condvar;
my $fail = sub { $done->croak("the broker: " . join ' ', map { ref $_ ? $json->encode({%$_}) : $_ // '' } @_) };
my $connection = AnyEvent::RabbitMQ->new->load_xml_spec;
$connection->connect(
    host => $host, port => $port, user => $user, pass => $password, vhost => $vhost, timeout => 30,
    on_failure => $fail, on_read_failure => $fail, on_close => $fail,
    on_success => sub { $_[0]->open_channel(on_success => \&confirm, on_failure => $fail, on_close => $fail) },
);

sub confirm {
    my $channel = shift;
    $channel->confirm(on_success => sub { publish($channel) }, on_failure => $fail);
}

sub publish {
    my $channel = shift;
    my (@sent, @cannot);
    my $open = AnyEvent->condvar;
    $open->begin(sub { $done->send({ sent => \@sent, cannot => \@cannot }) });
    for my $m (@{ $task->{messages} }) {
        my %header = %{ $m->{properties} || {} };
        for (grep { !ref } values %header) { utf8::encode($_) }
        my $ok = eval { $header{headers} = native([ F => $m->{headers} ]) if $m->{headers}; 1 };
        if (!$ok) { push @cannot, $m->{key}; next }
        $open->begin;
        $channel->publish(
            exchange => $m->{exchange} || $task->{exchange}, routing_key => $m->{key}, header => \%header, body => decode_base64($m->{body}),
            on_ack => sub { $open->end }, on_nack => $fail,
        );
        push @sent, $m->{key};
    }
    $open->end;
}

print $json->encode($done->recv);
