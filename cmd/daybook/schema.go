package main

import (
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"daybook/transform/contract"
	"daybook/transform/report"
)

// schemaFormats are the values of schema --format.
var schemaFormats = []string{"markdown", "json-schema", "odcs", "dbt"}

func newSchemaCommand(a *app) *cobra.Command {
	var selected selection
	format := schemaFormats[0]
	cmd := &cobra.Command{
		Use:   "schema [--format markdown|json-schema|odcs|dbt]",
		Short: "Print the columns of the reports",
		Long: `Print the columns of the reports, with their types, lengths and meaning: as a
page (markdown), as the JSON schema of a row (json-schema), as a data contract in
the Open Data Contract Standard 3.1 (odcs), with a table for each report, or as the
properties of a dbt model (dbt), which config/examples/dbt uses. --json is --format json-schema.
All reports have the same columns; --report chooses the tables of the contract.`,
		Example: `  daybook schema
  daybook schema --format json-schema > row.schema.json
  daybook schema --format odcs --report sessions > sessions.odcs.yaml`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.json && !cmd.Flags().Changed("format") {
				format = "json-schema"
			}
			switch {
			case !slices.Contains(schemaFormats, format):
				return usageError(cmd, "unknown format %q; there are %s", format, strings.Join(schemaFormats, ", "))
			case a.json && format != "json-schema":
				return usageError(cmd, "--json goes with --format json-schema; %s is no JSON", format)
			case len(selected.reports) > 0 && format != "odcs":
				return usageError(cmd, "--report goes with --format odcs; all reports have the same columns")
			}
			text, err := a.schemaText(format, &selected)
			if err != nil {
				return err
			}
			_, err = io.WriteString(a.stdout, text)
			return err
		},
	}
	cmd.Flags().StringVar(&format, "format", format, "markdown, json-schema, odcs or dbt")
	selected.reportFlag(cmd)
	return cmd
}

func (a *app) schemaText(format string, selected *selection) (string, error) {
	switch format {
	case "markdown":
		return report.SchemaPage(), nil
	case "json-schema":
		text, err := contract.JSONSchema()
		return string(text), err
	case "dbt":
		return contract.DBT("stg_sessions"), nil
	}
	c, err := a.loadConfig()
	if err != nil {
		return "", err
	}
	var names []string
	for i := range c.Reports {
		names = append(names, c.Reports[i].Name)
	}
	for _, name := range selected.reports {
		if !slices.Contains(names, name) {
			return "", noReport(name, names)
		}
	}
	if len(selected.reports) > 0 {
		names = selected.reports
	}
	return contract.ODCS(names), nil
}
