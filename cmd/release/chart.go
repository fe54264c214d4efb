package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path"
)

// chart packs the Helm chart with the version of the release.
func (r *release) chart(context.Context) error {
	files, err := filesUnder(r.source("config/helm/daybook"), "daybook")
	if err != nil {
		return err
	}
	for i := range files {
		if path.Base(files[i].name) != "Chart.yaml" {
			continue
		}
		before := files[i].data
		if files[i].data = bytes.ReplaceAll(before, []byte("0.0.0"), []byte(r.version)); bytes.Equal(before, files[i].data) {
			return fmt.Errorf("config/helm/daybook/Chart.yaml has no version 0.0.0 to replace")
		}
	}
	data, err := gzipped(files, r.modified)
	if err != nil {
		return err
	}
	return os.WriteFile(r.artefact("daybook-"+r.version+".tgz"), data, 0o644)
}
