env = {
  AUDIT_BUCKET = "audit"
  S3_BUCKET    = "logs"
}

test "each message goes to the branches that take it" {
  send = [
    { source = "app1", kind = "audit", who = "ann" },
    { source = "app1", level = "error", text = "broken" },
    { source = "app1", level = "info" },
    { source = "app1", level = "debug" },
    "not json",
  ]
  expect {
    dead_letter = 1
    dropped     = 1
    branch "audit" {
      output {
        messages = 1
        bodies   = [{ source = "app1", kind = "audit", who = "ann" }]
      }
    }
    branch "search" {
      output = 2
    }
    branch "rest" {
      output = 1
    }
  }
}

test "an outage of one bucket is its own branch's" {
  send = [{ source = "app1", kind = "audit" }, { source = "app1", level = "info" }]
  fail "audit.output" {
    error = "503 SlowDown"
  }
  expect {
    branch "audit" {
      output   = 0
      fallback = 1
    }
    branch "search" {
      output = 1
    }
    branch "rest" {
      output   = 1
      fallback = 0
    }
  }
}
