package catalog

import (
	"fmt"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// Bounds of one expression: how long it may be, and what evaluating it may cost in CEL's units.
const (
	maxExpression = 4096
	maxCost       = 100_000
)

// variableNames are the variables in the order in which messages list them.
var variableNames = []string{"site", "node", "user", "input"}

// The types of the variables, as CEL's messages name them.
const (
	nodeType     = "tenure.Node"
	defaultsType = "tenure.Defaults"
	userType     = "tenure.User"
	inputType    = "tenure.Input"
)

var variableTypes = map[string]string{"site": nodeType, "node": nodeType, "user": userType, "input": inputType}

// vocabulary is what expressions may say: the checker's environment and the fields of each type. It is built when the
// first expression is compiled, because commands link this package and must start at once.
type vocabulary struct {
	env *cel.Env
	// fields are in the order in which messages list them.
	fields map[string][]attribute
}

var theVocabulary = sync.OnceValues(func() (*vocabulary, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, fmt.Errorf("preparing expressions: %w", err)
	}
	v := &vocabulary{fields: map[string][]attribute{
		nodeType: nodeFields, defaultsType: defaultsFields, userType: userFields, inputType: inputFields(),
	}}
	provider := &typeProvider{Registry: registry, fields: map[string]map[string]*types.FieldType{}}
	for name, attributes := range v.fields {
		provider.fields[name] = fieldTypes(attributes)
	}
	options := []cel.EnvOption{
		cel.StdLib(),
		cel.CustomTypeProvider(provider),
		cel.CustomTypeAdapter(registry),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ParserRecursionLimit(50),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals()),
	}
	for _, name := range variableNames {
		options = append(options, cel.Variable(name, cel.ObjectType(variableTypes[name])))
	}
	v.env, err = cel.NewCustomEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("preparing expressions: %w", err)
	}
	return v, nil
})

// typeProvider lets CEL read fields of this package's Go values directly, without converting them first.
type typeProvider struct {
	*types.Registry
	fields map[string]map[string]*types.FieldType
}

func (p *typeProvider) FindStructType(name string) (*types.Type, bool) {
	if _, ok := p.fields[name]; ok {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return p.Registry.FindStructType(name)
}

func (p *typeProvider) FindStructFieldNames(name string) ([]string, bool) {
	if fields, ok := p.fields[name]; ok {
		var names []string
		for field := range fields {
			names = append(names, field)
		}
		return names, true
	}
	return p.Registry.FindStructFieldNames(name)
}

func (p *typeProvider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	if fields, ok := p.fields[name]; ok {
		f, ok := fields[field]
		return f, ok
	}
	return p.Registry.FindStructFieldType(name, field)
}

func (p *typeProvider) NewValue(name string, fields map[string]ref.Val) ref.Val {
	if strings.HasPrefix(name, "tenure.") {
		return types.NewErr("a %s cannot be made in an expression", name)
	}
	return p.Registry.NewValue(name, fields)
}

func fieldTypes(attributes []attribute) map[string]*types.FieldType {
	fields := map[string]*types.FieldType{}
	for _, a := range attributes {
		fields[a.name] = &types.FieldType{
			Type: celType(a.kind),
			IsSet: func(object any) bool {
				switch v := a.get(object).(type) {
				case string:
					return v != ""
				case bool:
					return v
				case []string:
					return len(v) > 0
				case map[string]string:
					return len(v) > 0
				default:
					return true
				}
			},
			GetFrom: func(object any) (any, error) { return a.get(object), nil },
		}
	}
	return fields
}

func celType(kind attributeKind) *types.Type {
	switch kind {
	case booleanAttribute:
		return types.BoolType
	case textsAttribute:
		return types.NewListType(types.StringType)
	case mapAttribute:
		return types.NewMapType(types.StringType, types.StringType)
	case objectAttribute:
		return types.NewObjectType(defaultsType)
	default:
		return types.StringType
	}
}
