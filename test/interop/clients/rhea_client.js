// rhea, the client of Node.js for AMQP 1.0: npm rhea. The broker translates: 4.x in itself, 3.x by a plugin. It writes messages of its own kind.
const zlib = require('zlib');
const rhea = require('rhea');
const { task, answer } = require('./common.js');

const { types, message } = rhea;
const bytes = (...list) => Buffer.from(list);
const wide = (n) => { const b = Buffer.alloc(8); b.writeBigUInt64BE(BigInt.asUintN(64, n)); return b; };
const uuid = Buffer.from('00112233445566778899aabbccddeeff', 'hex');

// Values by the types of AMQP 1.0, with the group that says who can read what the broker makes of them, where not all can.
const values = {
  bool: [types.wrap_boolean(true)], byte: [types.wrap_byte(-5)], ubyte: [types.wrap_ubyte(200), 'B'], short: [types.wrap_short(-300), 's'],
  ushort: [types.wrap_ushort(60000), 'u'], int: [types.wrap_int(-70000)], uint: [types.wrap_uint(4000000000), 'i'], long: [types.wrap_long(wide(-(1n << 40n)))],
  'long-least': [types.wrap_long(wide(-(1n << 63n)))], ulong: [types.wrap_ulong(1099511627776)], 'ulong-most': [types.wrap_ulong(wide((1n << 64n) - 1n)), 'most'],
  float: [types.wrap_float(1.5)], double: [types.wrap_double(2.25)], text: [types.wrap_string('Grüße')], 'long-text': [types.wrap_string('x'.repeat(60000))],
  binary: [types.wrap_binary(bytes(0, 255))], symbol: [types.wrap_symbol('word')], uuid: [types.wrap_uuid(uuid)], char: [types.wrap_char('ü')],
  time: [types.wrap_timestamp(1767323045123)], 'time-before': [types.wrap_timestamp(-1000), 'Tfar'], 'time-far': [types.wrap_timestamp(Number.MAX_SAFE_INTEGER), 'Tfar'],
  null: [null, 'V'],
};

const data = (b) => message.data_section(Buffer.from(b));
const x = { body: data('x') };

function* messages(t) {
  for (const [name, [value, group]] of Object.entries(values)) yield ['property-' + name, { application_properties: { h: value }, ...x }, group];
  yield ['nothing', { body: null }];
  yield ['empty', { body: data('') }];
  yield ['text', { body: '{"source":"app1"}' }];
  yield ['sections', { body: message.data_sections([Buffer.from('{"source":'), Buffer.from('"app1"}')]) }];
  yield ['sequence', { body: message.sequence_section(['a', 1, true]) }];
  yield ['map', { body: { source: 'app1', n: 5, list: [1, 'a'] } }];
  yield ['number', { body: types.wrap_ulong(1099511627776) }];
  yield ['large-body', { body: data('x'.repeat(300000)) }];
  yield ['many', { application_properties: Object.fromEntries([...Array(300).keys()].map((i) => ['h' + i, 'x'])), ...x }];
  yield ['id-text', { message_id: 'id-1', correlation_id: 'c-1', ...x }];
  yield ['id-number', { message_id: 77, correlation_id: 78, ...x }, 'ids'];
  yield ['id-uuid', { message_id: types.wrap_uuid(uuid), correlation_id: types.wrap_uuid(uuid), ...x }, 'ids'];
  yield ['id-long', { message_id: 'i'.repeat(300), correlation_id: 'c'.repeat(300), ...x }, 'ids'];
  yield ['ttl', { ttl: 86400000, ...x }];
  yield ['ttl-most', { ttl: 4294967295, ...x }];
  yield ['priority-most', { priority: 255, ...x }];
  yield ['not-durable', { durable: false, ...x }];
  yield ['first-time', { creation_time: new Date(0), ...x }];
  yield ['time-before', { creation_time: new Date(-1000), ...x }, 'timefar'];
  yield ['time-far', { creation_time: new Date(8.64e15), ...x }, 'timefar'];
  yield ['annotations', { message_annotations: { 'x-opt-note': 'n', 'x-number': types.wrap_ulong(5) }, delivery_annotations: { d: 1 }, footer: { f: 1 }, ...x }];
  yield ['all', { subject: 'subject', reply_to: '/queues/reply', content_type: 'application/json', content_encoding: 'identity', creation_time: new Date(1767323045500),
    absolute_expiry_time: new Date(1893456000000), group_id: 'g', group_sequence: 7, reply_to_group_id: 'r', priority: 9, ttl: 86400000, body: data('{"source":"app1"}') },
    t.broker < 4 ? 'millis' : undefined]; // 3.x takes the milliseconds of creation_time for seconds
  yield ['gzip', { content_encoding: 'gzip', body: data(zlib.gzipSync(text)) }, 'packed'];
}

const text = '{"source":"app1","text":"packed by rhea"}';

// What brokers take by AMQP 1.0 and cannot deliver by AMQP 0-9-1: they end the connection of whoever reads them, with 541.
const poison = { 3: ['id-number', 'id-long'], 4: ['property-uuid', 'property-char'] };

function open(t, container) {
  const url = new URL(t.url);
  return container.connect({ host: url.hostname, port: url.port, username: decodeURIComponent(url.username), password: decodeURIComponent(url.password),
    hostname: 'vhost:' + decodeURIComponent(url.pathname.slice(1)), reconnect: false });
}

// send has a connection for each message: the plugin of 3.x breaks off at some.
const send = (t, address, m) => new Promise((resolve, reject) => {
  const container = rhea.create_container();
  let failed = null, sent = false;
  const over = (why) => { failed = failed || why; };
  container.on('sendable', (c) => { if (!sent) { sent = true; c.sender.send({ durable: true, ...m }); } });
  container.on('accepted', (c) => { c.connection.close(); });
  container.on('released', (c) => { over('released'); c.connection.close(); });
  container.on('rejected', (c) => { over('rejected: ' + JSON.stringify(c.delivery.remote_state.error)); c.connection.close(); });
  for (const what of ['sender_error', 'session_error', 'connection_error', 'error']) container.on(what, (c) => { over(`${what}: ${c.error || (c.connection && c.connection.error) || c}`); if (c.connection) c.connection.close(); });
  container.on('connection_close', () => (failed ? reject(new Error(failed)) : resolve()));
  container.on('disconnected', (c) => reject(new Error(failed || `disconnected: ${c.error}`)));
  open(t, container).open_sender({ target: { address }, autosettle: true });
});

async function write(t) {
  const sent = [], cannot = [], packed = {};
  const all = t.large ? [['large', { application_properties: { h: 'x'.repeat(t.large) }, ...x }]] : messages(t);
  for (const [name, m, group] of all) {
    if (poison[Math.min(t.broker, 4)].includes(name)) continue;
    const key = `rhea.${group || 'own'}.${name}`;
    try {
      await send(t, `/${t.broker >= 4 ? 'exchanges' : 'exchange'}/${t.exchange}/${key}`, m);
      sent.push(key);
      if (name === 'gzip') packed[key] = { body: Buffer.from(text).toString('base64'), encoding: '' };
    } catch (e) {
      console.error(key, e.message);
      cannot.push(key);
    }
  }
  answer({ sent, cannot, packed });
}

write(task()).catch((e) => { console.error(e); process.exit(1); });
