package loadtest

import (
	_ "embed"
	"html/template"
	"io"
	"time"
)

//go:embed report.html
var pageText string

var page = template.Must(template.New("report").Funcs(template.FuncMap{"percent": percent}).Parse(pageText))

// WriteHTML writes the report as a page that needs nothing beside itself.
func (r *Report) WriteHTML(w io.Writer) error {
	return page.Execute(w, map[string]any{
		"Report": r, "Figures": r.figures(), "Beside": r.beside(), "Generator": r.Generator.verdict(),
		"Distribution": r.distribution(), "Course": r.course(), "Began": r.Began.Format(time.RFC1123),
	})
}
