package graphsim_test

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// csdl is Microsoft's own description of the types, as far as the test reads it.
type csdl struct {
	Schemas []struct {
		Namespace string `xml:"Namespace,attr"`
		Alias     string `xml:"Alias,attr"`
		Enums     []struct {
			Name    string `xml:"Name,attr"`
			Members []struct {
				Name string `xml:"Name,attr"`
			} `xml:"Member"`
		} `xml:"EnumType"`
		Complex  []csdlType `xml:"ComplexType"`
		Entities []csdlType `xml:"EntityType"`
	} `xml:"DataServices>Schema"`
}

type csdlType struct {
	Name       string         `xml:"Name,attr"`
	Base       string         `xml:"BaseType,attr"`
	Properties []csdlProperty `xml:"Property"`
}

type csdlProperty struct {
	Name     string `xml:"Name,attr"`
	Type     string `xml:"Type,attr"`
	Nullable string `xml:"Nullable,attr"`
}

type metadata struct {
	types map[string]csdlType
	enums map[string][]string
}

// loadMetadata reads the description from GRAPH_CSDL, or from the folder
// beside the checkout; without it there is nothing to compare with.
func loadMetadata(t *testing.T) metadata {
	t.Helper()
	path := os.Getenv("GRAPH_CSDL")
	if path == "" {
		path = filepath.Join("..", "..", "..", "shared", "graph-csdl", "v1.0-extract.xml")
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("no metadata of Microsoft Graph to compare with (%v); set GRAPH_CSDL to its file", err)
	}
	var document csdl
	require.NoError(t, xml.Unmarshal(raw, &document))
	m := metadata{types: map[string]csdlType{}, enums: map[string][]string{}}
	for _, schema := range document.Schemas {
		for _, kind := range append(schema.Complex, schema.Entities...) {
			m.types[schema.Alias+"."+kind.Name] = kind
		}
		for _, enum := range schema.Enums {
			for _, member := range enum.Members {
				name := schema.Alias + "." + enum.Name
				m.enums[name] = append(m.enums[name], member.Name)
			}
		}
	}
	require.Contains(t, m.types, "graph.user")
	require.Contains(t, m.types, "teamsAdministration.numberAssignment")
	return m
}

func (m metadata) property(kind, name string) (csdlProperty, bool) {
	for kind != "" {
		described := m.types[kind]
		for _, p := range described.Properties {
			if p.Name == name {
				return p, true
			}
		}
		kind = described.Base
	}
	return csdlProperty{}, false
}

func (m metadata) check(t *testing.T, at, kind string, body object) {
	t.Helper()
	for name, value := range body {
		if strings.HasPrefix(name, "@") {
			continue
		}
		property, known := m.property(kind, name)
		if !assert.True(t, known, "%s: %s has no property %s", at, kind, name) {
			continue
		}
		m.checkValue(t, at+"."+name, property, value)
	}
}

func (m metadata) checkValue(t *testing.T, at string, property csdlProperty, value any) {
	t.Helper()
	element, isCollection := strings.CutPrefix(property.Type, "Collection(")
	if isCollection {
		list, ok := value.([]any)
		assert.True(t, ok, "%s is no array: %v", at, value)
		for _, entry := range list {
			m.checkValue(t, at, csdlProperty{Type: strings.TrimSuffix(element, ")"), Nullable: "false"}, entry)
		}
		return
	}
	if value == nil {
		assert.NotEqual(t, "false", property.Nullable, "%s must not be null", at)
		return
	}
	switch property.Type {
	case "Edm.String":
		assert.IsType(t, "", value, at)
	case "Edm.Boolean":
		assert.IsType(t, true, value, at)
	case "Edm.Int32":
		number, ok := value.(float64)
		assert.True(t, ok && number == float64(int32(number)), "%s is no int: %v", at, value)
	case "Edm.Guid":
		_, err := uuid.Parse(value.(string))
		assert.NoError(t, err, at)
	case "Edm.DateTimeOffset":
		_, err := time.Parse(time.RFC3339, value.(string))
		assert.NoError(t, err, at)
	default:
		if members, isEnum := m.enums[property.Type]; isEnum {
			assert.Contains(t, members, value, at)
			return
		}
		if _, known := m.types[property.Type]; assert.True(t, known, "%s has the unknown type %s", at, property.Type) {
			m.check(t, at, property.Type, value.(object))
		}
	}
}

func TestAnswersAgreeWithMicrosoftsMetadata(t *testing.T) {
	m := loadMetadata(t)
	s := newSim(t, nil)
	location := s.order("unassignNumber", object{"telephoneNumber": "+442079460001"}).header.Get("Location")
	s.join("License Phone", "laura.lewis")
	s.clock.Advance(2 * time.Second)
	failed := s.order("assignNumber", assignment("+442079460010", s.idOf("mark.moore"), "directRouting")).header.Get("Location")
	s.clock.Advance(2 * time.Second)
	for _, test := range []struct {
		path, kind string
	}{
		{"/users?$select=*", "graph.user"},
		{"/users", "graph.user"},
		{"/users/laura.lewis@contoso.example?$select=*", "graph.user"},
		{"/users/delta?$select=*", "graph.user"},
		{"/groups?$select=*", "graph.group"},
		{"/users/oliver.owen@contoso.example/memberOf", "graph.group"},
		{"/groups/" + s.groupID("All Staff") + "/members", "graph.user"},
		{"/subscribedSkus", "graph.subscribedSku"},
		{"/users/anna.archer@contoso.example/licenseDetails", "graph.licenseDetails"},
		{"/users/anna.archer@contoso.example/licenseDetails/getTeamsLicensingDetails", "graph.teamsLicensingDetails"},
		{numbers, "teamsAdministration.numberAssignment"},
		{numbers + "/" + s.number("+18005550100")["id"].(string), "teamsAdministration.numberAssignment"},
		{location, "teamsAdministration.telephoneNumberLongRunningOperation"},
		{failed, "teamsAdministration.telephoneNumberLongRunningOperation"},
		{configurations, "teamsAdministration.teamsUserConfiguration"},
		{"/admin/teams/policy/getPolicyId(type='TenantDialPlan',name='UK-Dialplan')", "teamsAdministration.policyIdentifierDetail"},
	} {
		a := s.get(test.path)
		bodies := []object{a.json}
		if _, isCollection := a.json["value"]; isCollection {
			bodies = a.value()
		}
		require.NotEmpty(t, bodies, test.path)
		for _, body := range bodies {
			m.check(t, regexp.MustCompile(`\?.*`).ReplaceAllString(test.path, ""), test.kind, body)
			for _, required := range requiredProperties(m, test.kind) {
				assert.Contains(t, body, required, test.path)
			}
		}
	}
	assert.Equal(t, "failed", s.get(failed).json["status"])
}

// requiredProperties are those of a Teams resource that may not be null and
// so must be there.
func requiredProperties(m metadata, kind string) []string {
	var required []string
	if !strings.HasPrefix(kind, "teamsAdministration") {
		return nil
	}
	for _, p := range m.types[kind].Properties {
		if p.Nullable == "false" {
			required = append(required, p.Name)
		}
	}
	slices.Sort(required)
	return required
}
