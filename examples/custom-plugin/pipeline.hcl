# rsyslog to OpenSearch, with five plugins that are not logpipe's own: relp, mask, reorder, breaker and opensearch.
# In rsyslog: action(type="omrelp" target="127.0.0.1" port="2514")
pipeline "syslog" {
  input "relp" {
    listen = env("RELP_LISTEN", "127.0.0.1:2514")
  }
  processor "mask" {
    patterns = ["(password=)[^ ]+"]
    with     = "$${1}***" # $${ is how a file writes ${
  }
  processor "reorder" {
    hold = "500ms"
  }
  processor "batch" {
    count = 1000
    age   = "1s"
  }
  processor "breaker" {
    failures = 3
    pause    = "30s"
  }
  processor "retry" {
    attempts = 3
  }
  output "opensearch" {
    url   = env("OPENSEARCH_URL", "http://127.0.0.1:9200")
    index = "logs-${batch.date}"
  }
  fallback "file" {
    path = env("FALLBACK_PATH", "/var/lib/logpipe/failed.ndjson")
  }
  dead_letter "file" {
    path = env("DEAD_LETTER_PATH", "/var/lib/logpipe/dead.ndjson")
  }
}
