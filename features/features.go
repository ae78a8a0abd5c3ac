// Package features holds the drills that ship, as Gherkin files that are embedded in the program.
package features

import "embed"

// FS has every feature file, by topology and theme, and the files that they name.
//
//go:embed */*.feature */files/*
var FS embed.FS
