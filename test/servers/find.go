package servers

import (
	"context"
)

// findRabbitMQ goes the ways of the package comment to the chosen RabbitMQ:
// either its programs or, where image is not empty, a container of that image.
func findRabbitMQ(ctx context.Context, o Options, c choice) (in installation, image string, err error) {
	none := noRabbitMQ("RabbitMQ", c)
	if in, err := c.here(none); in.bin != "" || err != nil {
		return in, "", err
	}
	if err := dockerAnswers(ctx); err == nil {
		return installation{}, c.image(), nil
	} else {
		none.add("Docker", err)
	}
	in, err = c.install(ctx, o, none)
	return in, "", err
}

// findPrograms is findRabbitMQ for those whom no container serves.
func findPrograms(ctx context.Context, o Options, c choice) (installation, error) {
	none := noRabbitMQ("cluster of RabbitMQ", c)
	if in, err := c.here(none); in.bin != "" || err != nil {
		return in, err
	}
	return c.install(ctx, o, none)
}

// here is the chosen RabbitMQ if its programs are on this machine already. A
// folder that was named has to have them.
func (c choice) here(none *unavailable) (installation, error) {
	if c.folder != "" {
		return inFolder(c.folder)
	}
	in, err := installed()
	if err == nil {
		err = in.is(c)
	}
	if err != nil {
		none.add("program", err)
		return installation{}, nil
	}
	return in, nil
}

// install gets programs onto this machine: of a version with a Debian of their
// own, else as Debian's package.
func (c choice) install(ctx context.Context, o Options, none *unavailable) (in installation, err error) {
	way := "package"
	if c.version != "" {
		way = "Debian root"
		in, err = obtainRoot(ctx, o, c)
	} else {
		err = installPackage(ctx, o, "rabbitmq-server", func() string { in, _ := installed(); return in.bin })
		if err == nil {
			in, err = installed()
		}
	}
	if err != nil {
		none.add(way, err)
		return installation{}, none
	}
	return in, nil
}

func noRabbitMQ(what string, c choice) *unavailable {
	if c.version != "" {
		return &unavailable{server: what + " " + c.version, advice: "install that version, start a Docker engine, run as root on Debian, " +
			"or set " + EnvRabbitMQ + " to a folder that has one"}
	}
	return &unavailable{server: what, advice: "set " + EnvAMQP + " to the URL of a broker for tests" +
		", install the program rabbitmq-server, start a Docker engine, or run as root on Debian"}
}
