// Package image has the test of the image: it is built with podman, where no engine and no registry is needed, and run as strictly as
// a cluster would run it. It is behind the build tag image, because it takes a minute: make test-image.
package image
