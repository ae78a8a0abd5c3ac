// Package reports turns a judged run into what people and machines read: report.html for a manager and an auditor,
// report.json for scripts, junit.xml for a CI server and summary.md for the page of a CI job.
//
// A report is a pure function of recorded data. Nothing here asks a clock, a host or a random source: whatever a
// report says about when and where comes in through Meta and through the recorded runs, so the reports of a run of
// last year can be written again and come out the same. Outside its tests the package imports only harness/record
// and the standard library.
//
// Build makes the Report, which is exactly report.json; Write writes every format of Formats. A new format is one
// file with a render function and one line in Formats.
package reports
