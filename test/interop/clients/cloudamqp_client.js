// The client of LavinMQ's and CloudAMQP's makers: npm @cloudamqp/amqp-client.
const { task, body, headers, Cannot, told, answer } = require('./common.js');

const names = { contentType: 'content_type', contentEncoding: 'content_encoding', deliveryMode: 'delivery_mode', priority: 'priority',
  correlationId: 'correlation_id', replyTo: 'reply_to', expiration: 'expiration', messageId: 'message_id', timestamp: 'timestamp',
  type: 'type', userId: 'user_id', appId: 'app_id' };

function native([letter, value]) {
  switch (letter) {
    case 't': case 'S': case 'V': return value;
    case 'I': return Number(value);
    case 'l': return BigInt(value);
    case 'f': return Number(value);
    case 'x': return new Uint8Array(Buffer.from(value, 'base64'));
    case 'T': {
      const at = new Date(Number(value) * 1000);
      if (isNaN(at)) throw new Cannot();
      return at;
    }
    case 'F': return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, native(v)]));
    case 'A': return value.map(native);
  }
  throw new Cannot();
}

function properties(m) {
  const p = {};
  if (m.headers) p.headers = headers(m, native);
  for (const [theirs, ours] of Object.entries(names)) {
    if (ours in (m.properties || {})) p[theirs] = ours === 'timestamp' ? native(['T', m.properties[ours]]) : m.properties[ours];
  }
  if ('cluster_id' in (m.properties || {})) throw new Cannot();
  return p;
}

async function write(channel, t) {
  await channel.confirmSelect();
  const sent = [], cannot = [];
  for (const m of t.messages) {
    try {
      await channel.basicPublish(m.exchange || t.exchange, m.key, body(m), properties(m), true);
      sent.push(m.key);
    } catch (e) {
      if (!(e instanceof Cannot || e instanceof RangeError || /too long/.test(e.message))) throw e;
      cannot.push(m.key);
    }
  }
  answer({ sent, cannot });
}

async function read(channel, t) {
  const queues = {};
  for (const queue of t.queues) {
    const got = queues[queue] = [];
    for (let m; (m = await channel.basicGet(queue, { noAck: true }));) {
      const p = {};
      for (const [theirs, ours] of Object.entries(names)) {
        if (m.properties[theirs] !== undefined) p[ours] = told(m.properties[theirs]);
      }
      got.push({ key: m.routingKey, exchange: m.exchange, body: Buffer.from(m.body || []).toString('base64'), properties: p,
        headers: Object.fromEntries(Object.entries(m.properties.headers || {}).map(([k, v]) => [k, told(v)])) });
    }
  }
  answer({ queues });
}

(async () => {
  const { AMQPClient } = require('@cloudamqp/amqp-client');
  const t = task();
  const connection = await new AMQPClient(t.url).connect();
  await { write, read }[process.argv[2]](await connection.channel(), t);
  await connection.close();
})().catch((e) => { console.error(e); process.exit(1); });
