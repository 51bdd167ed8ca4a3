package interop

import "testing"

// The same with those clients that most people have, cheap enough for each change: C, two of Python, kombu as celery writes, and curl at S3. If it
// fails, their messages lose what they carry, or change it.
func TestCommonClientsReadWhatOthersWrote(t *testing.T) {
	newSmallStage(t, []string{"librabbitmq", "pika", "pyamqp", "kombu"}, []string{"curl"}).product(t)
}
