package scenarios

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestRareWritesWaitLonger(t *testing.T) {
	for rate, want := range map[int]time.Duration{1000: 200, 100: 200, 50: 200, 25: 400, 20: 500, 5: 500} {
		assert.Equal(t, want*time.Millisecond, load{}.within(time.Second/time.Duration(rate)), "%d rows a second", rate)
	}
	assert.Equal(t, 2*time.Second, load{deadline: 2 * time.Second}.within(10*time.Millisecond), "as the drill says")
}
