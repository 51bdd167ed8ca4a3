package retry

import (
	"math"
	"testing"
	"time"
)

func TestValidate(t *testing.T) {
	if err := Defaults().Validate(); err != nil {
		t.Error(err)
	}
	err := Config{Attempts: -1, Backoff: 0, MaxBackoff: -1}.Validate()
	want := "attempts: -1 is less than 0; 0 is without limit\n" +
		"backoff: 0s must be more than 0, such as \"1s\"\n" +
		"max_backoff: -1ns is less than backoff (0s)"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// The bound counts against the broker's patience: too small a sum would let it take the connection away.
func TestHoldsFor(t *testing.T) {
	for _, c := range []struct {
		Config
		want time.Duration
	}{
		{Config{0, time.Second, 10 * time.Second}, 0},
		{Config{1, time.Second, 10 * time.Second}, 0},
		{Config{3, time.Second, 10 * time.Second}, 3 * time.Second},
		{Config{7, time.Second, 10 * time.Second}, (1 + 2 + 4 + 8 + 10 + 10) * time.Second},
		{Config{3, time.Second, time.Second}, 2 * time.Second},
		{Config{math.MaxInt, time.Second, time.Hour}, math.MaxInt64},
		{Config{math.MaxInt, math.MaxInt64, math.MaxInt64}, math.MaxInt64},
	} {
		if got := c.Traits().HoldsFor; got != c.want {
			t.Errorf("%+v: %v, want %v", c.Config, got, c.want)
		}
	}
}
