package command

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tenure/internal/contract"
	"tenure/internal/lifecycle"
	"tenure/starter/output"
)

func newAuditCommand(c *Console) *cobra.Command {
	cmd := newGroupCommand("audit", "who did what to whom, and why: list, export, verify", groupRuns)
	cmd.AddCommand(
		newAuditListCommand(c, runAuditList),
		newAuditExportCommand(c, runAuditExport),
		newAuditVerifyCommand(c, runAuditVerify),
	)
	return cmd
}

// auditFlags choose entries of the audit.
type auditFlags struct {
	contract.AuditFilter
	since, until string
}

func (o *auditFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.User, "user", "", "only about `USER`")
	f.StringVar(&o.By, "by", "", "only what `WHO` asked for")
	f.StringVar(&o.Operation, "operation", "", "only that `OPERATION`: onboard, offboard, place …")
	f.StringVar(&o.Outcome, "outcome", "", "only with that `OUTCOME`: completed, rolled_back, refused, done …")
	f.StringVar(&o.RunID, "run", "", "only of the run with that `ID`")
	f.StringVar(&o.since, "since", "", "only from `TIME` on: a date, or RFC 3339 (UTC unless it says otherwise)")
	f.StringVar(&o.until, "until", "", "only before `TIME`")
}

// filter is what the flags ask for.
func (o auditFlags) filter(cmd *cobra.Command) (f contract.AuditFilter, err error) {
	f = o.AuditFilter
	if f.Since, err = moment(cmd, "since", o.since); err != nil {
		return f, err
	}
	if f.Until, err = moment(cmd, "until", o.until); err != nil {
		return f, err
	}
	if f.Since != nil && f.Until != nil && !f.Since.Before(*f.Until) {
		return f, usage(helpHint(cmd), "--since %s is not before --until %s", o.since, o.until)
	}
	return f, nil
}

// moment reads a date or a time; nil when it is not given.
func moment(cmd *cobra.Command, flag, text string) (*time.Time, error) {
	if text == "" {
		return nil, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			at = at.UTC()
			return &at, nil
		}
	}
	return nil, usage(helpHint(cmd), "--%s %q is neither a date (2026-03-31) nor a time (2026-03-31T12:00:00Z)", flag, text)
}

type auditListOptions struct {
	contract.AuditFilter
	paging
}

func newAuditListCommand(c *Console, run func(context.Context, *Console, auditListOptions) error) *cobra.Command {
	var flags auditFlags
	var o auditListOptions
	cmd := reading(&cobra.Command{
		Use:   "list",
		Short: "list who did what to whom and why, newest first",
		Example: `  tenure audit list
  tenure audit list --user ada@contoso.com
  tenure audit list --by olivia --since 2026-03-01 --until 2026-04-01 --all -o jsonl
  tenure audit list --outcome refused`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := o.check(cmd); err != nil {
				return err
			}
			if o.AuditFilter, err = flags.filter(cmd); err != nil {
				return err
			}
			return run(cmd.Context(), c, o)
		},
	})
	flags.register(cmd)
	o.register(cmd)
	return cmd
}

// auditEntries reads the entries that a filter chooses.
func (c *Console) auditEntries(ctx context.Context, filter contract.AuditFilter, o paging) ([]contract.AuditEntry, *string, error) {
	return pages(o, func(page contract.Page) ([]contract.AuditEntry, *string, error) {
		filter.Page = page
		var answer contract.AuditEntries
		err := c.ask(ctx, errand{contract.ListAudit, filter, "list the audit"}, &answer)
		return answer.Entries, answer.Next, err
	})
}

func runAuditList(ctx context.Context, c *Console, o auditListOptions) error {
	entries, next, err := c.auditEntries(ctx, o.AuditFilter, o.paging)
	if err != nil {
		return err
	}
	return printList(c, contract.AuditEntries{Entries: entries, Next: next}, entries, next, "no entries", func(p output.Paper) {
		rows := make([][]output.Cell, len(entries))
		for i, e := range entries {
			user := "-"
			if e.Subscriber != nil {
				user = e.Subscriber.UserPrincipalName
			}
			_, paint := p.Status(lifecycle.Status(e.Outcome))
			rows[i] = []output.Cell{
				output.Text(strconv.FormatInt(e.Seq, 10)), output.Text(output.Time(e.At)), output.Text(output.OrNone(e.By)), output.Text(e.Operation),
				output.Text(user), {Text: e.Outcome, Paint: paint}, output.Text(output.OrNone(e.Reason)), output.Text(output.OrNone(e.RunID)),
			}
		}
		p.Table([]output.Column{
			{Title: "SEQ"}, {Title: "AT"}, {Title: "BY", Flexible: true}, {Title: "OPERATION"}, {Title: "USER", Flexible: true},
			{Title: "OUTCOME"}, {Title: "REASON", Flexible: true, Optional: true}, {Title: "RUN", Optional: true},
		}, rows)
	})
}

type auditExportOptions struct {
	contract.AuditFilter
	format, file string
}

func newAuditExportCommand(c *Console, run func(context.Context, *Console, auditExportOptions) error) *cobra.Command {
	var flags auditFlags
	o := auditExportOptions{format: "csv"}
	cmd := reading(&cobra.Command{
		Use:   "export",
		Short: "write the audit as CSV or JSON, oldest first",
		Long: `Write every entry that the filters choose, oldest first and with all that its hash covers, as CSV or JSON. A file that
is written can be read by its owner only. In CSV, text that a spreadsheet would take for a formula begins with an apostrophe.`,
		Example: `  tenure audit export --file audit.csv
  tenure audit export --format json --since 2026-01-01 > audit.json`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.AuditFilter, err = flags.filter(cmd); err != nil {
				return err
			}
			o.Export = true
			return run(cmd.Context(), c, o)
		},
	})
	cmd.Flags().Var(newChoice(&o.format, "csv", "json"), "format", "as `FORMAT`: csv or json")
	completeFlag(cmd, "format", "csv", "json")
	cmd.Flags().StringVar(&o.file, "file", "", "write to `FILE` instead of stdout")
	flags.register(cmd)
	return cmd
}

func runAuditExport(ctx context.Context, c *Console, o auditExportOptions) error {
	entries, _, err := c.auditEntries(ctx, o.AuditFilter, paging{all: true})
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if o.format == "json" {
		err = output.JSON(&text, output.JSONFormat, contract.AuditEntries{Entries: entries})
	} else {
		err = auditCSV(&text, entries)
	}
	if err != nil {
		return err
	}
	if o.file == "" {
		_, err = c.Out.Write(text.Bytes())
		return err
	}
	if err := os.WriteFile(o.file, text.Bytes(), 0o600); err != nil {
		return usage("", "the export cannot be written: %s", err)
	}
	c.talk().Line("%d entries written to %s", len(entries), o.file)
	return nil
}

// auditCSV writes a heading and one record for each entry.
func auditCSV(text *bytes.Buffer, entries []contract.AuditEntry) error {
	w := csv.NewWriter(text)
	records := [][]string{{"seq", "at", "by", "operation", "tenant", "subscriberId", "userPrincipalName", "runId", "reason", "outcome", "detail", "hash", "previous"}}
	for _, e := range entries {
		var who lifecycle.SubscriberRef
		if e.Subscriber != nil {
			who = *e.Subscriber
		}
		var rest contract.AuditRest
		if e.AuditRest != nil {
			rest = *e.AuditRest
		}
		record := []string{
			strconv.FormatInt(e.Seq, 10), e.At.Format(time.RFC3339Nano), orEmpty(e.By), e.Operation, orEmpty(rest.Tenant), who.ID, who.UserPrincipalName,
			orEmpty(e.RunID), orEmpty(e.Reason), e.Outcome, string(rest.Detail), e.Hash, orEmpty(e.Previous),
		}
		for i := range record {
			record[i] = inert(record[i])
		}
		records = append(records, record)
	}
	return w.WriteAll(records)
}

// inert keeps a spreadsheet from running what somebody wrote as a formula.
func inert(cell string) string {
	if strings.HasPrefix(cell, "'") || (cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0]))) {
		return "'" + cell
	}
	return cell
}

func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

func newAuditVerifyCommand(c *Console, run func(context.Context, *Console) error) *cobra.Command {
	return reading(&cobra.Command{
		Use:   "verify",
		Short: "check that nobody has changed the audit",
		Long: `Walk the whole audit: each entry holds the hash of the one before, so that none can be altered, added or taken away
without a trace. The exit code is 2 when the chain is broken.`,
		Example: `  tenure audit verify
  tenure audit verify -o json`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), c) },
	})
}

func runAuditVerify(ctx context.Context, c *Console) error {
	var answer contract.AuditVerification
	if err := c.ask(ctx, errand{contract.VerifyAudit, contract.VerifyAuditRequest{}, "verify the audit"}, &answer); err != nil {
		return err
	}
	err := c.result(answer, func(p output.Paper) {
		if answer.Problem == nil {
			p.Line("%d entries, and the chain is whole", answer.Checked)
			return
		}
		p.Line("%s", p.Red(fmt.Sprintf("the chain is broken after %d entries: %s", answer.Checked, output.Plain(*answer.Problem))))
	})
	if err == nil && answer.Problem != nil {
		return exit(exitOperator)
	}
	return err
}
