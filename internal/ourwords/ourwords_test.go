package ourwords

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"testing"
	"time"
)

func TestOf(t *testing.T) {
	var record struct {
		Time  time.Time `json:"time"`
		Count int       `json:"count"`
		Inner struct {
			Text string `json:"text"`
		} `json:"inner"`
	}
	unmarshal := func(text string) error { return json.Unmarshal([]byte(text), &record) }
	_, noNumber := strconv.ParseInt("x1", 10, 64)
	_, tooLarge := strconv.ParseInt("99999999999999999999", 10, 64)
	_, noTime := time.Parse(time.RFC3339, "yesterday")
	_, noBase := base64.StdEncoding.DecodeString("a?==")
	for want, err := range map[string]error{
		"count is a text, which should be another kind of value":                                         unmarshal(`{"count":"x"}`),
		"count is a number, which should be another kind of value":                                       unmarshal(`{"count":1.5}`),
		"inner.text is a list, which should be another kind of value":                                    unmarshal(`{"inner":{"text":[]}}`),
		"it is a JSON boolean, which should be another kind of value":                                    unmarshal(`true`),
		"it is no JSON from byte 2 on: invalid character 'x' looking for beginning of object key string": unmarshal(`{x`),
		`"x1" is no number`: noNumber,
		`the number "99999999999999999999" is out of range`: tooLarge,
		`"yesterday" is no time`:                            noTime,
		"it is no base64 from byte 1 on":                    noBase,
		"another":                                           errors.New("another"),
	} {
		got := Of(fmt.Errorf("%w", err))
		if got.Error() != want {
			t.Errorf("%q is %q, not %q", err, got, want)
		}
		if !errors.Is(got, err) {
			t.Errorf("%q is not found in it", err)
		}
		if word := Foreign(got.Error()); word != "" {
			t.Errorf("%q has %q", got, word)
		}
		if want != "another" && Foreign(err.Error()) == "" && err != noBase {
			t.Logf("%q is not known as Go's own words", err)
		}
	}
}

// What cannot find Go's words lets every reason pass.
func TestForeign(t *testing.T) {
	var m map[string]any
	var one any = 1
	for _, text := range []string{
		recovered(func() { m["x"] = 1 }) + " runtime error", recovered(func() { _ = one.(string) }), recovered(func() { reflect.ValueOf(nil).Type() }), recovered(func() { _ = []int{}[len(m)] }),
		json.Unmarshal([]byte(`"x"`), &m).Error(), fmt.Sprintf("%T", time.Now()), fmt.Sprint(any(nil)), "%!d(string=x)", fmt.Sprintf("%v", map[string]any{}), fmt.Sprintf("a value of type %T", []byte{}),
		fmt.Sprintf("%v", &one), func() string { _, err := strconv.Atoi("x"); return err.Error() }(), func() string { _, err := time.Parse(time.RFC3339, "x"); return err.Error() }(),
		"json: unsupported type: func()",
	} {
		if Foreign(text) == "" {
			t.Errorf("%q passes", text)
		}
	}
	for _, text := range []string{"invalid JSON at byte 1: unexpected byte 0x1f", "the field \"a\" is there already", "a text is there, not a number", "put object logs/a.ndjson: 503 SlowDown"} {
		if word := Foreign(text); word != "" {
			t.Errorf("%q has %q", text, word)
		}
	}
}

func recovered(f func()) (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	f()
	return ""
}
