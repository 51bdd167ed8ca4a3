package servers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// VHost makes a virtual host in which the broker's user may do everything and
// returns its URL. A virtual host of that name may exist already.
func (b *Broker) VHost(ctx context.Context, name string) (string, error) {
	path := url.PathEscape(name)
	if err := b.Admin(ctx, "PUT", "/api/vhosts/"+path, nil, nil); err != nil {
		return "", fmt.Errorf("make virtual host %s: %w", name, err)
	}
	all := map[string]string{"configure": ".*", "write": ".*", "read": ".*"}
	path += "/" + url.PathEscape(b.url.User.Username())
	if err := b.Admin(ctx, "PUT", "/api/permissions/"+path, all, nil); err != nil {
		return "", fmt.Errorf("give permissions in virtual host %s: %w", name, err)
	}
	return b.vhostURL(name), nil
}

// DeleteVHost removes a virtual host with its queues and closes the
// connections to it.
func (b *Broker) DeleteVHost(ctx context.Context, name string) error {
	if err := b.Admin(ctx, "DELETE", "/api/vhosts/"+url.PathEscape(name), nil, nil); err != nil && !errors.Is(err, errNotFound) {
		return fmt.Errorf("delete virtual host %s: %w", name, err)
	}
	return nil
}

// CloseConnections closes every connection to a virtual host from the broker's
// side, as an operator would, and returns how many there were. The broker
// lists a connection some seconds after it was opened, so a caller who knows
// that there is one asks until the answer is not 0.
func (b *Broker) CloseConnections(ctx context.Context, vhost string) (int, error) {
	var conns []struct{ Name string }
	if err := b.Admin(ctx, "GET", "/api/vhosts/"+url.PathEscape(vhost)+"/connections", nil, &conns); err != nil {
		return 0, fmt.Errorf("list the connections of virtual host %s: %w", vhost, err)
	}
	closed := 0
	for _, c := range conns {
		switch err := b.Admin(ctx, "DELETE", "/api/connections/"+url.PathEscape(c.Name), nil, nil); {
		case errors.Is(err, errNotFound): // it has ended since it was listed
		case err != nil:
			return closed, fmt.Errorf("close connection %s: %w", c.Name, err)
		default:
			closed++
		}
	}
	return closed, nil
}

var errNotFound = errors.New("404 Not Found")

// Admin calls the management API: path begins with /api/ and its parts are
// escaped; in is sent as JSON and the answer is decoded into out unless they
// are nil. An answer other than 2xx is an error that quotes it. The numbers
// that the API gives for queues are a second or more old; a passive declare
// over AMQP gives the depth of now.
func (b *Broker) Admin(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := b.adminRequest(ctx, method, path, in)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask RabbitMQ's management API (%s names it): %w", EnvAdmin, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%s %s: read the answer: %w", method, path, err)
	}
	if resp.StatusCode == http.StatusNotFound {
		return fmt.Errorf("%s %s: %w: %s", method, path, errNotFound, body)
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, body)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("%s %s: decode the answer: %w", method, path, err)
	}
	return nil
}

func (b *Broker) adminRequest(ctx context.Context, method, path string, in any) (*http.Request, error) {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("%s %s: encode the request: %w", method, path, err)
		}
		body = bytes.NewReader(text)
	}
	base := b.admin
	base.User = nil // the password goes into a header, so that no error quotes it
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(base.String(), "/")+path, body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	password, _ := b.admin.User.Password()
	req.SetBasicAuth(b.admin.User.Username(), password)
	req.Header.Set("Content-Type", "application/json")
	if method != http.MethodPost { // the broker may end an idle connection in this moment: then it is sent again (see http.Transport)
		req.Header["X-Idempotency-Key"] = nil
	}
	return req, nil
}
