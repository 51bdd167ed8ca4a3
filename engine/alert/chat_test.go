package alert

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// room is a chat that checks what is posted to it by its service's documents, and answers as that does.
type room struct {
	*httptest.Server
	mu    sync.Mutex
	texts []string // what people see
	bad   []string // why a post was refused
}

func newRoom(t *testing.T, takes func(body []byte) (text string, err error), well int) *room {
	r := &room{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		text, err := takes(body)
		if kind, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type")); err == nil && kind != "application/json" {
			err = fmt.Errorf("the content type is %q", kind)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if err != nil {
			r.bad = append(r.bad, fmt.Sprintf("%v: %s", err, body))
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.texts = append(r.texts, text)
		w.WriteHeader(well)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *room) all() (texts, bad []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.texts, r.bad
}

// entity is what may follow & in a text of Slack, and control what stands between < and >: a link, a user, a channel, a call to all.
var (
	entity  = regexp.MustCompile(`&(amp|lt|gt);`)
	control = regexp.MustCompile(`[<>]|@(everyone|here|channel|all)\b`)
)

// takesSlack is https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks: an object with a text, of at most 40,000 characters.
// Others that take the same refuse what they do not know, so nothing else may be there.
func takesSlack(body []byte) (string, error) {
	var m map[string]any
	if err := json.Unmarshal(body, &m); err != nil {
		return "", fmt.Errorf("invalid_payload: %w", err)
	}
	text, ok := m["text"].(string)
	switch {
	case !ok || text == "":
		return "", fmt.Errorf("no_text")
	case len(m) != 1:
		return "", fmt.Errorf("fields beside text")
	case len([]rune(text)) > 40000:
		return "", fmt.Errorf("msg_too_long")
	case strings.Contains(entity.ReplaceAllString(text, ""), "&") || control.MatchString(text):
		return "", fmt.Errorf("control characters that are no text")
	}
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text), nil
}

// takesTeams is the trigger "When a Teams webhook request is received": it goes through attachments and posts each card. At most 28 KB.
func takesTeams(body []byte) (string, error) {
	var m struct {
		Type        string
		Attachments []struct {
			ContentType string
			Content     struct {
				Schema  string `json:"$schema"`
				Type    string
				Version string
				Body    []struct {
					Type    string
					Inlines []struct{ Type, Text, Weight, Color string }
				}
			}
		}
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return "", err
	}
	if m.Type != "message" || len(m.Attachments) != 1 || len(body) > 28<<10 {
		return "", fmt.Errorf("type %q, %d attachments, %d bytes", m.Type, len(m.Attachments), len(body))
	}
	card := m.Attachments[0]
	if card.ContentType != "application/vnd.microsoft.card.adaptive" || card.Content.Type != "AdaptiveCard" || card.Content.Version > "1.5" || len(card.Content.Body) == 0 {
		return "", fmt.Errorf("InvalidBotAdaptiveCard: %+v", card)
	}
	var lines []string
	for _, b := range card.Content.Body {
		if b.Type != "RichTextBlock" || len(b.Inlines) == 0 {
			return "", fmt.Errorf("a block %+v", b)
		}
		for _, run := range b.Inlines {
			if run.Type != "TextRun" || run.Text == "" {
				return "", fmt.Errorf("a run %+v", run)
			}
			lines = append(lines, run.Text)
		}
	}
	return strings.Join(lines, "\n"), nil
}

// People put the URL of their chat where a webhook is asked for. Posted in Alertmanager's format, Slack refuses each alert and a workflow of Teams
// takes each and shows none: nobody is called.
func TestChatsAreToldInTheirFormat(t *testing.T) {
	for name, is := range map[string]struct {
		takes  func([]byte) (string, error)
		well   int
		path   string
		format string
	}{
		"Slack":       {takesSlack, http.StatusOK, "/services/T0/B0/x", FormatSlack},
		"Mattermost":  {takesSlack, http.StatusOK, "/hooks/abcdefghijklmnopqrstuvwx12", FormatAuto},
		"Rocket.Chat": {takesSlack, http.StatusOK, "/hooks/657b1e1c8f5b8a0001c0ffee/AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfG", FormatAuto},
		"Teams":       {takesTeams, http.StatusAccepted, "/workflows/0/triggers/manual/paths/invoke?sig=x", FormatTeams},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t, is.takes, is.well)
			c := rules()
			c.URL, c.Format, c.Timeout, c.Labels = engine.NewSecret(r.URL+is.path), is.format, 10*time.Second, map[string]string{"team": "ops"}
			s := runSender(t, c, quietLog())
			one, two := firing(nameOutage), firing(nameSuccessRate)
			one.alert.cause = "put <b>: refused & cut; [a link](http://x) <!channel> @everyone <http://x|y>"
			s.add([]news{over(two), one})
			until(t, "it is told", func() bool { texts, bad := r.all(); return len(texts)+len(bad) > 0 })
			texts, bad := r.all()
			if len(bad) > 0 {
				t.Fatalf("it is refused: %s", bad)
			}
			text := strings.ReplaceAll(strings.TrimPrefix(texts[0], "*"), "\u200b", "")
			if !strings.HasPrefix(text, "FIRING: pipeline logs, output.s3: put <b>: refused & cut; [a link](http://x) <!channel> @everyone <http://x|y>") ||
				!strings.Contains(text, "RESOLVED: pipeline logs, output.s3: every write fails") || !strings.Contains(text, "team=ops") {
				t.Errorf("people see:\n%s", text)
			}
		})
	}
}

// Each service bounds a message. One that is too long is refused, and that is when most is wrong.
func TestChatsAreToldShortly(t *testing.T) {
	var alerts []alert
	for i := range 500 {
		a := firing(nameOutage).alert
		a.plugin, a.cause = fmt.Sprintf("b%d.output.s3", i), strings.Repeat("<é&\"\n", 2000)
		alerts = append(alerts, a)
	}
	for name, is := range map[string]struct {
		make  func(Origin, map[string]string, []alert) ([]byte, error)
		takes func([]byte) (string, error)
	}{"Slack": {slack, takesSlack}, "Teams": {teams, takesTeams}} {
		body, err := is.make(Origin{Instance: "host"}, map[string]string{"long": strings.Repeat("x", 9000)}, alerts)
		if err != nil {
			t.Fatal(err)
		}
		text, err := is.takes(body)
		if err != nil || len(body) > 28<<10 {
			t.Errorf("%s: %d bytes: %v", name, len(body), err)
		}
		if n := strings.Count(text, "FIRING"); n < 5 || !strings.Contains(text, fmt.Sprintf("… and %d more", 500-n)) {
			t.Errorf("%s tells %d", name, n)
		}
	}
}

// What a URL says. Addresses are in the form that the services' documents and their users show; each secret is made up.
func TestFormatOf(t *testing.T) {
	for raw, want := range map[string]string{
		"https://hooks.slack.com/services/T000/B000/XXXX":                                               FormatSlack,
		"https://HOOKS.SLACK.COM/services/T000/B000/XXXX":                                               FormatSlack,
		"https://hooks.slack-gov.com/services/T000/B000/XXXX":                                           FormatSlack,
		"https://hooks.slack.com/workflows/T000/A000/1/x":                                               "an incoming webhook",
		"https://hooks.slack.com/triggers/T000/1/x":                                                     "an incoming webhook",
		"https://discord.com/api/webhooks/123/abc/slack":                                                FormatSlack,
		"https://ptb.discord.com/api/v10/webhooks/123/abc/slack":                                        FormatSlack,
		"https://discord.com/api/webhooks/123/abc":                                                      "/slack is appended",
		"https://discordapp.com/api/webhooks/123/abc":                                                   "/slack is appended",
		"https://chat.example.com/hooks/abcdefghijklmnopqrstuvwx12":                                     FormatSlack,
		"https://example.com/mattermost/hooks/abcdefghijklmnopqrstuvwx12":                               FormatSlack,
		"https://example.zulipchat.com/api/v1/external/slack_incoming?api_key=x&stream=y":               FormatSlack,
		"https://prod-12.westeurope.logic.azure.com:443/workflows/0/triggers/manual/paths/invoke?sig=x": FormatTeams,
		"https://default1.2.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/0/triggers/manual/paths/invoke?api-version=1": FormatTeams,
		"https://example.webhook.office.com/webhookb2/1@2/IncomingWebhook/3/4":                                                                             "Microsoft has retired",
		"https://outlook.office.com/webhook/1@2/IncomingWebhook/3/4":                                                                                       "Microsoft has retired",
		"https://events.pagerduty.com/v2/enqueue":                                                                                                          "Alertmanager between them",
		"https://api.telegram.org/bot1:x/sendMessage":                                                                                                      "Alertmanager between them",
		"https://chat.googleapis.com/v1/spaces/x/messages?key=y":                                                                                           "Alertmanager between them",
		"https://alerts.example.com/hooks/logpipe":                                                                                                         FormatAlertmanager,
		"http://127.0.0.1:9095/alerts":                                                                                                                     FormatAlertmanager,
		"https://hooks.slack.com.example.com/services/T000":                                                                                                FormatAlertmanager,
		"https://example.com/?next=https://hooks.slack.com/services/":                                                                                      FormatAlertmanager,
	} {
		got, err := FormatOf(raw)
		if err != nil {
			got = err.Error()
		}
		if err == nil && got != want || err != nil && !strings.Contains(got, want) {
			t.Errorf("%s is taken for %q, want %q", raw, got, want)
		}
	}
}
