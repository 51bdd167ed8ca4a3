<?php
// php-amqplib, the client of PHP.
require '/usr/share/php/PhpAmqpLib/autoload.php';

use PhpAmqpLib\Connection\AMQPStreamConnection;
use PhpAmqpLib\Message\AMQPMessage;
use PhpAmqpLib\Wire\AMQPAbstractCollection as Types;
use PhpAmqpLib\Wire\AMQPArray;
use PhpAmqpLib\Wire\AMQPDecimal;
use PhpAmqpLib\Wire\AMQPTable;

class Cannot extends Exception {}

const KINDS = ['t' => Types::T_BOOL, 'b' => Types::T_INT_SHORTSHORT, 'B' => Types::T_INT_SHORTSHORT_U, 's' => Types::T_INT_SHORT,
    'u' => Types::T_INT_SHORT_U, 'I' => Types::T_INT_LONG, 'i' => Types::T_INT_LONG_U, 'l' => Types::T_INT_LONGLONG, 'f' => Types::T_FLOAT,
    'd' => Types::T_DOUBLE, 'D' => Types::T_DECIMAL, 'S' => Types::T_STRING_LONG, 'S*' => Types::T_STRING_LONG, 'x' => Types::T_BYTES,
    'T' => Types::T_TIMESTAMP, 'V' => Types::T_VOID, 'F' => Types::T_TABLE, 'A' => Types::T_ARRAY];

/** The value of a header, with the library's name for its type. */
function native(array $v): array
{
    [$letter, $value] = $v;
    switch ($letter) {
        case 't': case 'V': case 'S': break;
        case 'b': case 'B': case 's': case 'u': case 'I': case 'i': case 'l': case 'T': $value = (int)$value; break;
        case 'f': case 'd': $value = (float)$value; break;
        case 'D':
            $parts = explode('.', $value . '.');
            if ($value[0] == '-') throw new Cannot();
            $value = new AMQPDecimal((int)($parts[0] . $parts[1]), strlen($parts[1]));
            break;
        case 'S*': case 'x': $value = base64_decode($value); break;
        case 'F':
            $table = new AMQPTable();
            foreach ($value as $name => $e) set($table, $name, $e);
            $value = $table;
            break;
        case 'A':
            $list = new AMQPArray();
            foreach ($value as $e) $list->push(...native($e));
            $value = $list;
            break;
        default: throw new Cannot();
    }
    return [$value, KINDS[$letter]];
}

function set(AMQPTable $table, string $name, array $v): void
{
    $table->set($name, ...native($v));
}

function told($v): array
{
    if ($v instanceof AMQPTable) {
        $all = [];
        foreach ($v as $name => $e) $all[$name] = told2($e);
        return ['table', (object)$all];
    }
    if ($v instanceof AMQPArray) {
        $all = [];
        foreach ($v as $e) $all[] = told2($e);
        return ['list', $all];
    }
    if ($v instanceof AMQPDecimal) return ['decimal', $v->asBCvalue()];
    if ($v instanceof DateTimeInterface) return ['time', (string)$v->getTimestamp()];
    if (is_string($v)) return ['text', mb_check_encoding($v, 'UTF-8') ? $v : ['base64' => base64_encode($v)]];
    return [gettype($v), is_bool($v) ? ($v ? 'true' : 'false') : (string)$v];
}

/** An entry of a table or list: the library gives its type and its value. */
function told2(array $e): array
{
    [, $value] = told($e[1]);
    return ['type ' . $e[0], $value];
}

function write($channel, array $task): array
{
    $sent = $cannot = [];
    $channel->confirm_select();
    $channel->set_nack_handler(function () { fwrite(STDERR, "not taken\n"); exit(1); });
    foreach ($task['messages'] as $m) {
        try {
            $properties = $m['properties'] ?? [];
            if (isset($m['headers'])) {
                $table = new AMQPTable();
                foreach ($m['headers'] as $name => $v) set($table, $name, $v);
                $properties['application_headers'] = $table;
            }
            $message = new AMQPMessage(base64_decode($m['body']), $properties);
            $message->serialize_properties();
        } catch (Cannot | PhpAmqpLib\Exception\AMQPInvalidArgumentException | PhpAmqpLib\Exception\AMQPOutOfRangeException $e) {
            $cannot[] = $m['key'];
            continue;
        }
        $channel->basic_publish($message, $m['exchange'] ?? $task['exchange'], $m['key'], true);
        $sent[] = $m['key'];
    }
    $channel->wait_for_pending_acks_returns(60);
    return ['sent' => $sent, 'cannot' => $cannot];
}

function read($channel, array $task): array
{
    $queues = [];
    foreach ($task['queues'] as $queue) {
        $queues[$queue] = [];
        while ($m = $channel->basic_get($queue, true)) {
            $properties = $headers = [];
            foreach ($m->get_properties() as $name => $v) {
                if ($name == 'application_headers') {
                    $headers = told($v)[1];
                } else {
                    $properties[$name] = told($v);
                }
            }
            $queues[$queue][] = ['key' => $m->getRoutingKey(), 'exchange' => $m->getExchange(), 'body' => base64_encode($m->getBody()),
                'properties' => (object)$properties, 'headers' => (object)$headers];
        }
    }
    return ['queues' => (object)$queues];
}

$task = json_decode(stream_get_contents(STDIN), true);
$url = parse_url($task['url']);
$connection = new AMQPStreamConnection($url['host'], $url['port'], $url['user'], $url['pass'], urldecode(substr($url['path'], 1)));
$answer = ($argv[1] == 'write' ? 'write' : 'read')($connection->channel(), $task);
echo json_encode($answer, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR);
$connection->close();
