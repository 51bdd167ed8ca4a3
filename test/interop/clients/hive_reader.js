// DuckDB as a reader of a folder in Hive's layout: npm @duckdb/node-api. It tells the value of the partition of each file, and what is in it.
const { DuckDBInstance } = require('@duckdb/node-api');
const { task, answer } = require('./common.js');

async function main() {
  const { folder } = task();
  const db = await (await DuckDBInstance.create(':memory:')).connect();
  const query = `select app, value, count(*)::VARCHAR as n from read_ndjson('${folder}/**/*.ndjson', columns = {value: 'VARCHAR'}, hive_partitioning = true, hive_types_autocast = false) group by all`;
  const rows = (await db.runAndReadAll(query)).getRowObjectsJson();
  answer({ rows: rows.map((r) => ({ app: r.app, value: r.value, n: Number(r.n) })) });
}

main().catch((e) => { console.error(e); process.exit(1); });
