# What pipeline.hcl does when all is well and when it is not: logpipe test pipeline.hcl

env = { S3_BUCKET = "logs" }

test "an object for each source" {
  time = "2026-03-01T09:30:00Z"
  send = [
    { source = "app1", event = "login_failed", count = 3 },
    { source = "app2", event = "high-cpu", count = 1 },
    { source = "app1", event = "new_user", count = 2 },
  ]
  expect {
    output {
      keys = [
        "logs/2026-03-01/app1/batch-0001.ndjson.gz",
        "logs/2026-03-01/app2/batch-0002.ndjson.gz",
      ]
      bodies = [
        { source = "app1", event = "login_failed", count = 3 },
        { source = "app1", event = "new_user", count = 2 },
        { source = "app2", event = "high-cpu", count = 1 },
      ]
      sealed_by = ["age", "age"]
    }
    fallback    = 0
    dead_letter = 0
  }
}

test "a batch is full with 50 messages" {
  message {
    body   = { source = "app1" }
    repeat = 60
  }
  expect {
    output {
      messages  = 60
      batches   = 2
      sealed_by = ["count", "age"]
    }
  }
}

test "what is not JSON is a dead letter" {
  send = [{ source = "app1" }, "not json", ""]
  expect {
    output = 1
    dead_letter {
      bodies  = ["not json", ""]
      reasons = ["invalid JSON at byte 1", "invalid JSON"]
      keys    = ["dlx/log_dlq"]
    }
  }
}

test "a record without a source is kept, too" {
  send = [{ event = "high-cpu" }]
  expect {
    output {
      keys = ["logs/2000-01-01/unknown/batch-0001.ndjson.gz"]
    }
  }
}

test "an S3 outage goes to the file" {
  send = [{ source = "app1", event = "login_failed" }, "not json"]
  fail "output" {
    times = 10
    error = "503 SlowDown"
  }
  expect {
    output      = 0
    fallback    = 1
    dead_letter = 1
  }
}

test "and comes home under its own key" {
  wait = "5m" # S3 is well again within that
  send = [{ source = "app1", event = "login_failed" }]
  fail "output" {
    times = 10
    error = "503 SlowDown"
  }
  expect {
    output {
      keys   = ["logs/2000-01-01/app1/batch-0001.ndjson.gz"]
      bodies = [{ source = "app1", event = "login_failed" }]
    }
    fallback = 0
  }
}

test "two failures are nothing to the retry" {
  send = [{ source = "app1" }]
  fail "output" { times = 2 }
  expect {
    output   = 1
    fallback = 0
  }
}

test "nothing is dropped where nothing can be written" {
  send = [{ source = "app1" }, { source = "app2" }]
  fail "output" { error = "connection refused" }
  fail "fallback" { error = "no space left on device" }
  expect {
    held        = 2
    dead_letter = 0
    dropped     = 0
  }
}
