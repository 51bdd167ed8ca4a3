# logpipe test examples/producer.hcl

test "records go into the queue as they are" {
  send = [{ source = "app1", event = "new_user" }, "not json"]
  expect {
    output {
      bodies = [{ source = "app1", event = "new_user" }, "not json"]
      keys   = ["log_queue"]
    }
  }
}

test "the queue can be another one" {
  env  = { RABBITMQ_QUEUE = "other" }
  send = [{ source = "app1" }]
  expect {
    output {
      keys = ["other"]
    }
  }
}

test "the broker takes none for a while" {
  send = [{ source = "app1" }]
  fail "output" { times = 5 }
  expect {
    output = 1
  }
}
