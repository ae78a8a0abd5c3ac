package steps_test

import "maps"

func init() {
	maps.Copy(vocabulary, map[string]string{
		`"mysqld" on the primary crash-loops`:                              `"NAME" on TARGET crash-loops`,
		`"postgres" on the leader is killed and restarts after 20 seconds`: `"NAME" on TARGET is killed and restarts after DURATION`,
		`the primary is paused`:                                            `TARGET is paused`,
		`the old primary resumes`:                                          `TARGET [resumes|resume]`,
		`the host of the primary is rebooted`:                              `the host of TARGET is rebooted`,
		`the host of the primary is rebooted and is back after 12 seconds`: `the host of TARGET is rebooted and is back after DURATION`,
		`the host of the old leader returns with an empty disk`:            `the host of TARGET returns with an empty disk`,
	})
}
