package scenarios

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestReadPressure(t *testing.T) {
	assert.Equal(t, 4401481275*time.Microsecond, readPressure("some avg10=96.38 avg60=86.95 avg300=83.62 total=4401481275\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"))
	for _, text := range []string{"", "full avg10=0.00 total=7\n", "some avg10=0.00\n", "some total=x\n"} {
		assert.Negative(t, readPressure(text), text)
	}
}
