# logpipe test examples/http-to-s3.hcl

env = {
  S3_BUCKET  = "logs"
  HTTP_TOKEN = "secret"
}

test "requests become one object" {
  time = "2026-03-01T23:59:59Z"
  send = [{ event = "login_failed" }, { event = "new_user" }]
  expect {
    output {
      keys      = ["logs/2026-03-01/batch-0001.ndjson.gz"]
      bodies    = [{ event = "login_failed" }, { event = "new_user" }]
      sealed_by = ["age"]
    }
  }
}

test "a full batch does not wait" {
  env  = { BATCH_SIZE = "2" }
  send = ["1", "2", "3", "4"]
  expect {
    output {
      sealed_by = ["count", "count"]
    }
  }
}

test "what is not JSON is stored with its reason" {
  send = ["plain text"]
  expect {
    output = 0
    dead_letter {
      bodies  = ["plain text"]
      reasons = ["invalid JSON"]
      keys    = ["/var/lib/logpipe/http-dead.ndjson"]
    }
  }
}

test "an outage is back-pressure" {
  send = [{ event = "login_failed" }]
  fail "output" { error = "503 SlowDown" }
  expect {
    output      = 0
    held        = 1 # and the client has no answer that says otherwise
    dead_letter = 0
  }
}
