// What the clients in JavaScript share: the description of messages, and of what was read.
const fs = require('fs');

// Cannot says that the library has no way to write this.
class Cannot extends Error {}

const task = () => JSON.parse(fs.readFileSync(0, 'utf8'));
const body = (m) => Buffer.from(m.body, 'base64');
const headers = (m, native) => Object.fromEntries(Object.entries(m.headers || {}).map(([name, v]) => [name, native(v)]));

// told is a value as it was read, with its type.
function told(v) {
  if (v === null || v === undefined) return ['null', ''];
  if (Buffer.isBuffer(v) || v instanceof Uint8Array) return ['bytes', { base64: Buffer.from(v).toString('base64') }];
  if (v instanceof Date) return ['date', isNaN(v) ? 'none' : v.toISOString()];
  if (Array.isArray(v)) return ['list', v.map(told)];
  if (typeof v === 'object') return ['table', Object.fromEntries(Object.entries(v).map(([name, e]) => [name, told(e)]))];
  return [typeof v, Object.is(v, -0) ? '-0' : String(v)];
}

const answer = (what) => fs.writeSync(1, JSON.stringify(what));

module.exports = { Cannot, task, body, headers, told, answer };
