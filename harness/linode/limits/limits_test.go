package limits

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTTLsAreRoundedUp(t *testing.T) {
	for given, want := range map[int]int{0: 0, 1: 30, 30: 30, 31: 120, 60: 120, 120: 120, 600: 3600, 3601: 7200, 2419200: 2419200, 9999999: 2419200} {
		assert.Equal(t, want, TTL(given), given)
	}
	assert.True(t, slices.IsSorted(TTLs))
}
