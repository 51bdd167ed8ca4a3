package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// dockerAnswers says why Docker Compose cannot be used, or nil.
func dockerAnswers(ctx context.Context) error {
	if _, err := exec.LookPath("docker"); err != nil {
		return errors.New("there is no docker program")
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := exec.CommandContext(ctx, "docker", "info").Run(); err != nil {
		return errors.New("no engine answers `docker info`")
	}
	if err := exec.CommandContext(ctx, "docker", "compose", "version").Run(); err != nil {
		return errors.New("docker has no compose plugin")
	}
	return nil
}

const brokerService = `services:
  server:
    image: %s
    hostname: logpipe
    environment:
      RABBITMQ_DEFAULT_USER: %q
      RABBITMQ_DEFAULT_PASS: %q
    ports: ["%s:5672", "%s:15672"]
`

const s3Service = `services:
  server:
    image: versity/versitygw:%s
    command: ["--port", ":7070", "posix", "/data"]
    environment:
      ROOT_ACCESS_KEY: %q
      ROOT_SECRET_KEY: %q
    ports: ["%s:7070"]
    volumes: ["data:/data"]
volumes:
  data: {}
`

// container runs a server with Docker Compose, as a project of its own.
type container struct {
	dir   *scratch
	ports []*port
	group *group // its guard takes the project down when we are gone
	o     Options
}

// newContainer reserves what a container needs; the caller writes the file
// compose.yaml into the folder.
func newContainer(o Options, name string, ports int) (*container, error) {
	c := &container{o: o}
	var err error
	if c.dir, err = newScratch(name); err != nil {
		return nil, err
	}
	for range ports {
		p, err := reservePort()
		if err != nil {
			return nil, errors.Join(err, c.close())
		}
		c.ports = append(c.ports, p)
	}
	down := append([]string{"docker"}, c.args("down", "--volumes", "--timeout", "0")...)
	if c.group, err = newGroup(down...); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// startBrokerContainer runs RabbitMQ's own image.
func startBrokerContainer(ctx context.Context, o Options, image string) (*Broker, error) {
	c, err := newContainer(o, "rabbitmq", 2)
	if err != nil {
		return nil, fmt.Errorf("prepare a RabbitMQ container: %w", err)
	}
	b := ownBroker(c.ports[0], c.ports[1])
	b.run, b.ctl = c, c.rabbitmqctl
	password, _ := b.url.User.Password()
	text := fmt.Sprintf(brokerService, image, b.url.User.Username(), password, c.ports[0].address(), c.ports[1].address())
	if err := c.write(text); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	if err := b.launch(ctx); err != nil {
		return nil, err
	}
	return b, nil
}

// startS3Container runs versitygw's own image.
func startS3Container(ctx context.Context, o Options) (*S3, error) {
	c, err := newContainer(o, "s3", 1)
	if err != nil {
		return nil, fmt.Errorf("prepare an S3 container: %w", err)
	}
	s := ownS3(c.ports[0])
	s.run = c
	if err := c.write(fmt.Sprintf(s3Service, gatewayVersion, s.AccessKey, s.SecretKey, c.ports[0].address())); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.launch(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func (c *container) write(text string) error {
	if err := os.WriteFile(c.dir.join("compose.yaml"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the compose file: %w", err)
	}
	return nil
}

// args are those of a compose command on this project.
func (c *container) args(args ...string) []string {
	project := strings.ToLower(c.dir.name())
	return append([]string{"compose", "--project-name", "logpipe-" + project, "--file", c.dir.join("compose.yaml")}, args...)
}

func (c *container) compose(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "docker", c.args(args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("docker compose %s: %w: %s", args[0], err, out)
	}
	return string(out), nil
}

func (c *container) start(ctx context.Context) error {
	// The first start may have to fetch the image.
	cmd := exec.CommandContext(ctx, "docker", c.args("up", "--detach")...)
	return runSlow(c.o, "docker compose up", cmd)
}

func (c *container) stop(ctx context.Context) error {
	_, err := c.compose(ctx, "stop", "--timeout", "20")
	return err
}

func (c *container) kill() error {
	_, err := c.compose(context.Background(), "kill")
	return err
}

func (c *container) pause() error {
	_, err := c.compose(context.Background(), "pause")
	return err
}

func (c *container) resume() error {
	_, err := c.compose(context.Background(), "unpause")
	return err
}

func (c *container) ended() <-chan struct{} { return nil }

func (c *container) output() string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, _ := c.compose(ctx, "logs", "--tail", "50")
	return out
}

func (c *container) rabbitmqctl(ctx context.Context, args ...string) (string, error) {
	return c.compose(ctx, append([]string{"exec", "--no-TTY", "server", "rabbitmqctl"}, args...)...)
}

// close lets the guard take the project down, as it would if we were killed.
func (c *container) close() error {
	if c.group != nil {
		c.group.close()
	}
	for _, p := range c.ports {
		p.release()
	}
	return c.dir.close()
}
