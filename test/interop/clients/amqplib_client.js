// amqplib, the client of Node.js: npm amqplib.
const amqplib = require('amqplib');
const { task, body, headers, Cannot, told, answer } = require('./common.js');

const names = { contentType: 'content_type', contentEncoding: 'content_encoding', deliveryMode: 'delivery_mode', priority: 'priority',
  correlationId: 'correlation_id', replyTo: 'reply_to', expiration: 'expiration', messageId: 'message_id', timestamp: 'timestamp',
  type: 'type', userId: 'user_id', appId: 'app_id', clusterId: 'cluster_id' };

// The library takes widths by an object that names the type: https://amqp-node.github.io/amqplib/
const typed = { b: 'int8', s: 'short', I: 'int', l: 'long', f: 'float', d: 'double', T: 'timestamp', B: 'uint8', u: 'uint16', i: 'uint32' };
function native([letter, value]) {
  switch (letter) {
    case 't': return value;
    case 'b': case 's': case 'I': case 'l': case 'T': case 'd': case 'f': case 'B': case 'u': case 'i': {
      const n = Number(value);
      if (String(n) !== value && 'bsIlTBui'.includes(letter)) throw new Cannot(); // a number of JavaScript has 53 bits
      return { '!': typed[letter], value: n };
    }
    case 'D': {
      const [whole, part = ''] = value.split('.');
      return { '!': 'decimal', value: { places: part.length, digits: Number(whole + part) } };
    }
    case 'S': return value;
    case 'x': return Buffer.from(value, 'base64');
    case 'F': return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, native(v)]));
    case 'A': return value.map(native);
    case 'V': return null;
  }
  throw new Cannot();
}

function options(m) {
  const o = { mandatory: true, headers: headers(m, native) };
  for (const [theirs, ours] of Object.entries(names)) {
    if (!(ours in (m.properties || {}))) continue;
    if (ours === 'cluster_id') throw new Cannot();
    o[theirs] = m.properties[ours];
  }
  return o;
}

async function write(connection, t) {
  const channel = await connection.createConfirmChannel();
  const sent = [], cannot = [];
  for (const m of t.messages) {
    try {
      channel.publish(m.exchange || t.exchange, m.key, body(m), options(m));
      sent.push(m.key);
    } catch (e) {
      if (!(e instanceof Cannot || e instanceof TypeError || e instanceof RangeError || /Field '|Unknown type/.test(e.message))) throw e;
      cannot.push(m.key);
    }
  }
  await channel.waitForConfirms();
  answer({ sent, cannot });
}

async function read(connection, t) {
  const channel = await connection.createChannel();
  const queues = {};
  for (const queue of t.queues) {
    const got = queues[queue] = [];
    for (let m; (m = await channel.get(queue, { noAck: true }));) {
      const properties = {};
      for (const [theirs, ours] of Object.entries(names)) {
        if (m.properties[theirs] !== undefined) properties[ours] = told(m.properties[theirs]);
      }
      got.push({ key: m.fields.routingKey, exchange: m.fields.exchange, body: m.content.toString('base64'), properties,
        headers: Object.fromEntries(Object.entries(m.properties.headers || {}).map(([k, v]) => [k, told(v)])) });
    }
  }
  answer({ queues });
}

(async () => {
  const t = task();
  const connection = await amqplib.connect(t.url);
  await { write, read }[process.argv[2]](connection, t);
  await connection.close();
})().catch((e) => { console.error(e); process.exit(1); });
