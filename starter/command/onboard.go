package command

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tenure/internal/contract"
	"tenure/internal/e164"
	"tenure/internal/lifecycle"
)

// joinOptions say how a user joins a site, when onboarding and when moving.
type joinOptions struct {
	site, group, profile string
	// number is what --number says, after read plain E.164 or one of numberWords; empty means that nobody said.
	number string
	// pairs are the values of --set as given, set what read makes of them.
	pairs []string
	set   map[string]string
	// role is who the requester acts as.
	role string
}

// numberWords stand in place of a number.
var numberWords = []string{lifecycle.NextNumber, lifecycle.NoNumberAtAll}

// register adds the flags; siteFlag is the one that names the site, verb the operation.
func (o *joinOptions) register(cmd *cobra.Command, siteFlag, verb, at string) {
	cmd.Flags().StringVar(&o.site, siteFlag, "", verb+" "+at+" `NODE`, a site by name or path")
	cmd.Flags().StringVar(&o.group, "group", "", verb+" with quick add group `QAG`")
	cmd.Flags().StringVar(&o.profile, "profile", "", verb+" with profile `NAME`")
	cmd.Flags().StringVar(&o.number, "number", "", "give the user `NUMBER`: +E164, next for the next available one, or none (default: as the profile says)")
	cmd.Flags().StringArrayVar(&o.pairs, "set", nil, "give a field a value, `FIELD=VALUE`, as the field display policy allows; can be repeated")
	cmd.Flags().StringVar(&o.role, "role", "", "act as `ROLE`, whose field display policy then counts")
	completeFlag(cmd, "number", numberWords...)
}

// read refuses flags that are missing, malformed or contradictory.
func (o *joinOptions) read(cmd *cobra.Command, siteFlag string) (err error) {
	switch {
	case o.site == "":
		return usage(helpHint(cmd), "%s needs --%s NODE", path(cmd), siteFlag)
	case o.group != "" && o.profile != "":
		return usage("a profile names its own quick add group", "--group and --profile contradict each other")
	case o.group == "" && o.profile == "" && len(o.pairs) == 0:
		return usage(helpHint(cmd), "%s needs --group QAG, --profile NAME or --set FIELD=VALUE", path(cmd))
	}
	if cmd.Flags().Changed("number") {
		if o.number, err = numberOrWord(o.number); err != nil {
			return err
		}
	}
	o.set, err = fields(o.pairs)
	return err
}

// ask puts the options into a request.
func (o joinOptions) ask(request *lifecycle.Request) {
	request.Site, request.Group, request.Profile = o.site, o.group, o.profile
	request.Number, request.Set, request.ActAs = o.number, o.set, o.role
}

// onboardOptions are what `onboard` and `plan onboard` are asked.
type onboardOptions struct {
	joinOptions
	user string
	// welcome asks for the user to be welcomed.
	welcome bool
}

func (o *onboardOptions) register(cmd *cobra.Command) {
	o.joinOptions.register(cmd, "site", "onboard", "at")
	cmd.Flags().BoolVar(&o.welcome, "welcome", false, "have the webhook's receiver welcome the user at the end, where the catalog's setting welcome allows it")
}

func (o *onboardOptions) read(cmd *cobra.Command, args []string) error {
	o.user = args[0]
	return o.joinOptions.read(cmd, "site")
}

func (o onboardOptions) question(c *Console) contract.PlanRequest {
	request := c.request(lifecycle.Onboard)
	o.ask(&request)
	request.Welcome = o.welcome
	return contract.PlanRequest{User: o.user, Request: request}
}

// numberOrWord reads a number in any usual form, or one of numberWords.
func numberOrWord(text string) (string, error) {
	if slices.Contains(numberWords, text) {
		return text, nil
	}
	number, err := e164.Parse(text)
	if err != nil {
		f := malformed(err)
		f.Hint = "--number takes a number, " + strings.Join(numberWords, " or ")
		return "", f
	}
	return number, nil
}

// fields reads field=value pairs. A value may be empty or hold further equals signs; what fields there are, and which
// of them may be set, is the worker's to say.
func fields(pairs []string) (map[string]string, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	set := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		if !ok || name == "" {
			return nil, usage("write it like --set usageLocation=GB", "--set %s is not FIELD=VALUE", pair)
		}
		if _, twice := set[name]; twice {
			return nil, usage("give every field once; a list is written with commas", "--set gives %s twice", name)
		}
		set[name] = value
	}
	return set, nil
}

func newOnboardCommand(c *Console) *cobra.Command {
	return operating(c, &onboardOptions{}, &cobra.Command{
		Use:   "onboard USER --site NODE (--group QAG | --profile NAME | --set FIELD=VALUE)",
		Short: "bring a user to a site with licenses, groups, number and role",
		Long: `Onboard a user at a site: usage location, licenses, groups, number, policies and role become what the quick add group
or the profile says, or the site's field display policy with the values that --set gives. A user who is at the site
already is brought up to date. The plan is shown first; at the end everything is read back from Microsoft, and only
then the run is completed. A failure undoes what was done.

USER is a user principal name or an object id. With --number next the next available number at the site or above it is
claimed.`,
		Example: `  tenure onboard ada@contoso.com --site london --group "Sales phones"
  tenure onboard ada@contoso.com --site acme/contoso/emea/london --profile sales --number next
  tenure onboard ada@contoso.com --site london --group "Sales phones" --number "+44 20 7946 0001" --yes
  tenure onboard ada@contoso.com --site london --profile sales --number next --welcome
  tenure onboard ada@contoso.com --site london --profile sales --set usageLocation=GB --set custom_string_1=B2
  tenure onboard ada@contoso.com --site london --set licenses=SPE_E5,MCOEV --number none --yes --detach -o json`,
	})
}

func newPlanOnboardCommand(c *Console) *cobra.Command {
	return planning(c, &onboardOptions{}, &cobra.Command{
		Use:   "onboard USER --site NODE (--group QAG | --profile NAME | --set FIELD=VALUE)",
		Short: "show what onboarding a user would do",
		Example: `  tenure plan onboard ada@contoso.com --site london --group "Sales phones"
  tenure plan onboard ada@contoso.com --site london --profile sales --number next -o json`,
	})
}
