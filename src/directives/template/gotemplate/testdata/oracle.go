// Reads lines such as {"template": "…"} and writes what Go makes of each: go.jsonl is made by
// go run oracle.go <go.jsonl >new.jsonl
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"text/template"
)

type question struct {
	Name   string
	Qtype  uint16
	Qclass uint16
}

func (q *question) String() string { return ";" + q.Name + "\tIN\t A" }

type templateData struct {
	Zone, Name, Regex string
	Match             []string
	Group             map[string]string
	Class, Type       string
	Question          *question
	Remote            string
	md                map[string]string
}

func (d *templateData) Meta(name string) string { return d.md[name] }

type result struct {
	Template string `json:"template"`
	Output   string `json:"output,omitempty"`
	Error    string `json:"error,omitempty"`
	Syntax   string `json:"syntax,omitempty"`
	Printed  string `json:"printed,omitempty"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	enc := json.NewEncoder(os.Stdout)
	enc.SetEscapeHTML(false)
	for lines.Scan() {
		var r result
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			panic(err)
		}
		r = result{Template: r.Template}
		data := &templateData{
			Zone: "example.org.", Name: "ip-10-1-2-3.example.org.", Regex: "^ip-(?P<a>[0-9]+)-", Class: "IN", Type: "A",
			Match:    []string{"ip-10-1", "10", "1"},
			Group:    map[string]string{"0": "ip-10-1", "1": "10", "2": "1", "a": "10", "b": "0a"},
			Question: &question{"IP-10-1-2-3.example.org.", 1, 1},
			Remote:   "192.0.2.7",
			md:       map[string]string{"forward/upstream": "192.0.2.53:53"},
		}
		t, err := template.New("answer").Funcs(template.FuncMap{"parseInt": strconv.ParseUint}).Parse(r.Template)
		if err != nil {
			r.Syntax = err.Error()
		} else {
			var out bytes.Buffer
			r.Printed = t.Tree.Root.String()
			if err := t.Execute(&out, data); err != nil {
				r.Error = strings.ReplaceAll(err.Error(), "main.", "template.")
			} else {
				r.Output = out.String()
			}
		}
		if err := enc.Encode(r); err != nil {
			panic(err)
		}
	}
}
