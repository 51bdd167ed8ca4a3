// rabbitmq-client, another client of Node.js with a codec of its own: npm rabbitmq-client.
const { Connection } = require('rabbitmq-client');
const { task, body, headers, Cannot, told, answer } = require('./common.js');

const names = { contentType: 'content_type', contentEncoding: 'content_encoding', deliveryMode: 'delivery_mode', priority: 'priority',
  correlationId: 'correlation_id', replyTo: 'reply_to', expiration: 'expiration', messageId: 'message_id', timestamp: 'timestamp',
  type: 'type', userId: 'user_id', appId: 'app_id', clusterId: 'cluster_id' };

function native([letter, value]) {
  switch (letter) {
    case 't': case 'S': case 'V': return value;
    case 'I': return Number(value);
    case 'l': {
      const n = Number(value);
      if (String(n) !== value) throw new Cannot();
      return n;
    }
    case 'd': return Number(value);
    case 'x': return Buffer.from(value, 'base64');
    case 'F': return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, native(v)]));
    case 'A': return value.map(native);
  }
  throw new Cannot();
}

async function write(connection, t) {
  const publisher = connection.createPublisher({ confirm: true });
  const sent = [], cannot = [];
  for (const m of t.messages) {
    try {
      const envelope = { exchange: m.exchange || t.exchange, routingKey: m.key, mandatory: true };
      if (m.headers) envelope.headers = headers(m, native);
      for (const [theirs, ours] of Object.entries(names)) {
        if (!(ours in (m.properties || {}))) continue;
        if (ours === 'cluster_id') throw new Cannot();
        envelope[theirs] = m.properties[ours];
      }
      await publisher.send(envelope, body(m));
      sent.push(m.key);
    } catch (e) {
      if (!(e instanceof Cannot || e instanceof RangeError || e.code === 'CODEC')) throw e;
      cannot.push(m.key);
    }
  }
  await publisher.close();
  answer({ sent, cannot });
}

async function read(connection, t) {
  const channel = await connection.acquire();
  const queues = {};
  for (const queue of t.queues) {
    const got = queues[queue] = [];
    for (let m; (m = await channel.basicGet({ queue, noAck: true }));) {
      const properties = {};
      for (const [theirs, ours] of Object.entries(names)) {
        if (m[theirs] !== undefined) properties[ours] = told(m[theirs]);
      }
      const raw = Buffer.isBuffer(m.body) ? m.body : Buffer.from(typeof m.body === 'string' ? m.body : JSON.stringify(m.body));
      got.push({ key: m.routingKey, exchange: m.exchange, body: raw.toString('base64'), properties,
        headers: Object.fromEntries(Object.entries(m.headers || {}).map(([k, v]) => [k, told(v)])) });
    }
  }
  await channel.close();
  answer({ queues });
}

(async () => {
  const t = task();
  const connection = new Connection(t.url);
  connection.on('error', (e) => { console.error(e); process.exit(1); });
  await { write, read }[process.argv[2]](connection, t);
  await connection.close();
})().catch((e) => { console.error(e); process.exit(1); });
