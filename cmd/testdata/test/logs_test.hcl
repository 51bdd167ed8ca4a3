env = { S3_BUCKET = "logs" }

test "records go into the folder of their source" {
  send = [{ source = "app1", event = "login_failed", count = 3 }, { source = "app2" }, "not json"]
  expect {
    output {
      messages = 3
      keys     = ["logs/2000-01-01/app1/batch-0001.ndjson.gz", "logs/app2/batch-0002.ndjson.gz"]
      bodies   = [{ source = "app1", event = "logout", count = 3.0 }, { source = "app2", event = "new_user" }]
    }
    dead_letter {
      reasons = ["too large"]
    }
  }
}

test "an outage is waited for" {
  send = [{ source = "app1" }]
  fail "output" { error = "503 SlowDown" }
  expect {
    output   = 1
    held     = 0
    fallback = 0
  }
}

test "two failures are nothing to the retry" {
  send = [{ source = "app1" }]
  fail "output" { times = 2 }
  expect {
    output = 1
  }
}
