package alert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// refused is an answer that trying again does not mend.
type refused struct{ error }

// client follows no redirect: the post would lose its body by some, and its token would go to another server. Proxies come from the environment.
var client = &http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// post sends JSON. Its error holds no secret.
func (c *Config) post(ctx context.Context, to string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return refused{errors.New("the url cannot be used")} // the error has the URL in it
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "logpipe")
	if token := c.BearerToken.Reveal(); token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	if err != nil {
		if u := (*url.Error)(nil); errors.As(err, &u) {
			err = u.Err // without the URL
		}
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("no answer within %s", c.Timeout)
		}
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	// What the receiver says may repeat the URL or the token, so only its status is told. The body is read, for the connection to be used again.
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	return answer(resp.StatusCode)
}

func answer(status int) error {
	err := fmt.Errorf("the receiver answers %s", strings.TrimSpace(fmt.Sprint(status, " ", http.StatusText(status))))
	switch {
	case status >= 200 && status < 300:
		return nil
	case status >= 300 && status < 400:
		return refused{fmt.Errorf("%w, which is not followed: set url to where it leads", err)}
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= 500:
		return err
	}
	return refused{err}
}

// Between tries.
const (
	firstPause = time.Second
	mostPause  = time.Minute
)
