// DuckDB as a reader of objects: npm @duckdb/node-api. Its extension for S3 comes from a server of its own, so curl fetches the objects.
const { spawnSync } = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { DuckDBInstance } = require('@duckdb/node-api');
const { task, answer } = require('./common.js');

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'duckdb-'));

function get(t, where) {
  const heads = path.join(dir, 'headers');
  const nothing = crypto.createHash('sha256').update('').digest('hex');
  const done = spawnSync('curl', ['--silent', '--show-error', '--fail', '--aws-sigv4', `aws:amz:${t.region}:s3`, '--user', `${t.access_key}:${t.secret_key}`,
    '--header', 'x-amz-content-sha256: ' + nothing, '--dump-header', heads, t.s3 + '/' + t.bucket + where], { maxBuffer: 1 << 30 });
  if (done.status !== 0) throw new Error(`${where}: ${done.error || done.stderr}`);
  const head = fs.readFileSync(heads, 'utf8');
  const header = (name) => ((head.match(new RegExp(`^${name}: (.*?)\\r?$`, 'im')) || [])[1] || '');
  return { body: done.stdout, type: header('content-type'), encoding: header('content-encoding') };
}

// Members of an envelope, whose headers may be anything.
const columns = "{time: 'VARCHAR', id: 'VARCHAR', routing_key: 'VARCHAR', headers: 'JSON', reason: 'VARCHAR', body: 'VARCHAR', body_base64: 'VARCHAR'}";

async function main() {
  const t = task();
  try {
    const db = await (await DuckDBInstance.create(':memory:')).connect();
    const rows = async (query) => (await db.runAndReadAll(query)).getRowObjectsJson();
    const objects = [];
    for (const [, one] of get(t, '?list-type=2').body.toString().matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
      const [key, size] = ['Key', 'Size'].map((name) => one.match(`<${name}>([^<]*)</${name}>`)[1]);
      const o = get(t, '/' + key.split('/').map(encodeURIComponent).join('/'));
      const file = path.join(dir, key.replaceAll('/', '-'));
      fs.writeFileSync(file, o.body);
      const lines = await rows(`select json_object('time', time, 'id', id, 'routing_key', routing_key, 'headers', headers, 'body', body, 'body_base64', body_base64)::VARCHAR as line from read_ndjson('${file}', columns = ${columns})`);
      objects.push({ key, type: o.type, encoding: o.encoding, size: Number(size), length: o.body.length, text: Buffer.from(lines.map((r) => r.line + '\n').join('')).toString('base64') });
    }
    // As somebody asks who knows nothing of the folder: all files at once, types by what is in them; and the times must be times.
    const files = `'${path.join(dir, '*.gz')}'`;
    const [auto] = await rows(`select count(*)::VARCHAR as rows, count(distinct routing_key)::VARCHAR as keys from read_ndjson_auto(${files}, sample_size = -1)`);
    const [times] = await rows(`select count(*)::VARCHAR as bad from read_ndjson(${files}, columns = ${columns}) where try_cast(time as TIMESTAMP_NS) is null`);
    answer({ objects, counted: { rows: Number(auto.rows), keys: Number(auto.keys), badTimes: Number(times.bad) } });
  } finally {
    fs.rmSync(dir, { recursive: true });
  }
}

main().catch((e) => { console.error(e); process.exit(1); });
