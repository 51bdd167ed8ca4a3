# logpipe test examples/sharded.hcl

env = { S3_BUCKET = "logs", SHARD = "2" }

test "a shard has a folder of its own, and its order" {
  send = [{ source = "app1", count = 1 }, { source = "app2", count = 1 }, { source = "app1", count = 2 }]
  expect {
    output {
      keys   = ["logs/2000-01-01/shard-2/batch-0001.ndjson.gz"]
      bodies = [{ source = "app1", count = 1 }, { source = "app2", count = 1 }, { source = "app1", count = 2 }]
    }
  }
}

test "an outage of S3 leaves the messages in the shard's queue" {
  send = [{ source = "app1" }]
  fail "output" {
    error = "503 SlowDown"
  }
  expect {
    output      = 0
    dead_letter = 0
    held        = 1
  }
}

test "what is not JSON is a dead letter" {
  send = ["not json", { source = "app1" }]
  expect {
    output      = 1
    dead_letter = 1
  }
}
