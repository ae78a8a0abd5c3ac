// Package features holds the drills that ship, as Gherkin files that are embedded in the program.
package features

import "embed"

// FS has every feature file, by topology and theme.
//
//go:embed */*.feature
var FS embed.FS
