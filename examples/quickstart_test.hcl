# logpipe test examples/quickstart.hcl

test "a file for each source" {
  send = [{ source = "app1", count = 1 }, { source = "app2", count = 2 }, { source = "app1", count = 3 }]
  expect {
    output {
      keys   = ["quickstart/app1.ndjson.gz", "quickstart/app2.ndjson.gz"]
      bodies = [{ source = "app1", count = 1 }, { source = "app1", count = 3 }, { source = "app2", count = 2 }]
    }
  }
}

test "what is not JSON is dropped" {
  send = ["not json", { source = "app1" }]
  expect {
    output  = 1
    dropped = 1
  }
}

test "a source cannot leave the folder" {
  send = [{ source = "../../etc" }]
  expect {
    output {
      keys = ["quickstart/%2E.%2F..%2Fetc.ndjson.gz"]
    }
  }
}

test "a disk that is full for a while costs nothing" {
  send = [{ source = "app1" }]
  fail "output" {
    times = 20
    error = "no space left on device"
  }
  expect {
    output = 1
    held   = 0
  }
}
