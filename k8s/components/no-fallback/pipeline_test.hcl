# logpipe test k8s/components/no-fallback/pipeline.hcl

env = { S3_BUCKET = "logs" }

test "what S3 does not take is held, for the broker to deliver again" {
  send = [{ source = "app1" }, "not json"]
  fail "output" { error = "503 SlowDown" }
  expect {
    output      = 0
    held        = 1
    dead_letter = 1
  }
}

test "and is written when S3 is well again" {
  send = [{ source = "app1" }]
  fail "output" {
    times = 50
    error = "503 SlowDown"
  }
  expect {
    output {
      keys = ["logs/2000-01-01/app1/batch-0001.ndjson.gz"]
    }
    held = 0
  }
}
