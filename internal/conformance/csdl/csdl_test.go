package csdl_test

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/conformance/csdl"
)

// library is the metadata of a small service of our own, so that the checks
// are tested wherever Microsoft's is not at hand.
func library(t *testing.T) *csdl.Metadata {
	t.Helper()
	m, err := csdl.Load(filepath.Join("testdata", "library.xml"), map[string]string{"books": "Collection(lib.book)", "people": "Collection(lib.person)"})
	require.NoError(t, err)
	return m
}

const (
	code  = "06ebc4ee-1bb5-47dd-8120-11324bc54e06"
	whole = `{"id":"b1","title":"Emma","pages":12,"torn":false,"shelf":"` + code + `","genre":"novel","loans":[{"reader":"Anna","due":"2026-11-23T09:00:00Z","codes":["` + code + `"]}]}`
)

func get(url, answer string) csdl.Exchange {
	return csdl.Exchange{Method: "GET", URL: "http://host/v1.0" + url, Status: 200, Answer: []byte(answer)}
}

func send(method, url, body string) csdl.Exchange {
	return csdl.Exchange{Method: method, URL: "/v1.0" + url, Body: []byte(body), Status: 204}
}

func TestTrafficThatConformsIsNotComplainedAbout(t *testing.T) {
	m := library(t)
	for name, x := range map[string]csdl.Exchange{
		"entity":                   get("/books/b1", whole),
		"entity by function form":  get("/books('b1')", whole),
		"collection":               get("/books?$top=5&$count=true", `{"@odata.context":"x","@odata.count":7,"@odata.nextLink":"y","value":[`+whole+`]}`),
		"empty collection":         get("/books", `{"value":[]}`),
		"selection":                get("/books?$select=id,title", `{"value":[{"id":"b1","title":"Emma"}]}`),
		"selection of everything":  get("/books/b1?$select=*", whole),
		"null where it may be":     get("/books/b1", `{"title":"Emma","pages":null,"genre":null,"loans":[]}`),
		"count":                    get("/books/$count", `7`),
		"filter":                   get("/books?$filter=startswith(title,'it''s') and (genre eq 'atlas' or not torn eq true) and pages gt 5", `{"value":[]}`),
		"lambda":                   get("/books?$filter=loans/any(l:l/reader eq 'x' and l/codes/any(c:c eq "+code+")) and loans/$count eq 0", `{"value":[]}`),
		"null and guid in filters": get("/books?$filter=shelf eq null or shelf eq "+code, `{"value":[]}`),
		"order and expansion":      get("/books?$orderby=title desc,pages&$expand=authors", `{"value":[]}`),
		"navigation":               get("/books/b1/authors", `{"value":[{"id":"p","name":null}]}`),
		"type cast":                get("/books/b1/authors/town.library.person", `{"value":[{"id":"p"}]}`),
		"derived type":             get("/people", `{"value":[{"@odata.type":"#town.library.person","id":"p"}]}`),
		"function":                 get("/books/b1/similar(genre='novel',to='a,b')", `{"value":[`+whole+`]}`),
		"function, qualified":      get("/books/b1/town.library.similar(genre='atlas')", `{"value":[]}`),
		"delta":                    get("/books/delta", `{"@odata.deltaLink":"x","value":[{"id":"b1","title":"T"},{"id":"b2","@removed":{"reason":"changed"}}]}`),
		"action":                   send("POST", "/books/b1/lend", `{"reader":"Anna","loans":[{"reader":"A","codes":[]}]}`),
		"action with null":         send("POST", "/books/b1/lend", `{"reader":"Anna","loans":null}`),
		"action without anything":  send("POST", "/books/close", ``),
		"change":                   send("PATCH", "/books/b1", `{"@odata.type":"#town.library.book","torn":true}`),
		"binding":                  send("PATCH", "/books/b1", `{"authors@odata.bind":["x"]}`),
		"link":                     send("POST", "/books/b1/authors/$ref", `{"@odata.id":"x"}`),
		"link removed":             send("DELETE", "/books/b1/authors/p/$ref", ``),
		"refusal":                  {Method: "GET", URL: "/v1.0/books", Status: 400, Answer: []byte(`{"error":{}}`)},
	} {
		t.Run(name, func(t *testing.T) { assert.Empty(t, m.Check(x)) })
	}
}

func TestEveryDeviationIsFound(t *testing.T) {
	m := library(t)
	entity := func(from, to string) csdl.Exchange { return get("/books/b1", strings.Replace(whole, from, to, 1)) }
	for name, test := range map[string]struct {
		exchange csdl.Exchange
		finding  string
	}{
		"unknown root":                {get("/bookz", `{}`), "path: the service has no bookz"},
		"outside of the version":      {csdl.Exchange{Method: "GET", URL: "/v2/books"}, "URL: is not below /v1.0"},
		"unknown navigation":          {get("/books/b1/writers", `{}`), "path: town.library.book has no writers"},
		"after the end":               {get("/books/b1/authors/$ref/x", `{}`), "path: nothing follows $ref"},
		"cast to a stranger":          {get("/books/town.library.person", `{}`), "path: town.library.person is no town.library.book"},
		"unknown function argument":   {get("/books/b1/similar(kind='novel')", `{}`), "path: town.library.similar has no parameter kind"},
		"missing function argument":   {get("/books/b1/similar(to='x')", `{}`), "path: town.library.similar needs the parameter genre"},
		"argument without quotes":     {get("/books/b1/similar(genre='novel',to=x)", `{}`), "path: the parameter to of town.library.similar compares Edm.String with x"},
		"unknown selection":           {get("/books?$select=tilte", `{"value":[]}`), "$select: town.library.book has no property tilte"},
		"selected and not answered":   {get("/books?$select=id,title", `{"value":[{"id":"b1"}]}`), "answer.value[0]: lacks title, which was selected"},
		"unknown property in filter":  {get("/books?$filter=tilte eq 'x'", `{"value":[]}`), "$filter: town.library.book has no property tilte"},
		"unknown in a lambda":         {get("/books?$filter=loans/any(l:l/raeder eq 'x')", `{"value":[]}`), "$filter: town.library.loan has no property raeder"},
		"lambda over one value":       {get("/books?$filter=title/any(l:l eq 'x')", `{"value":[]}`), "$filter: title/any ranges over no collection"},
		"number as text in filter":    {get("/books?$filter=pages eq 'x'", `{"value":[]}`), "$filter: compares Edm.Int32 with 'x'"},
		"guid as text in filter":      {get("/books?$filter=shelf eq '"+code+"'", `{"value":[]}`), "$filter: compares Edm.Guid with '" + code + "'"},
		"text as word in filter":      {get("/books?$filter=title eq 7", `{"value":[]}`), "$filter: compares Edm.String with 7"},
		"enum member in filter":       {get("/books?$filter=genre eq 'poem'", `{"value":[]}`), "$filter: town.library.genre has no member poem"},
		"unknown function in filter":  {get("/books?$filter=beginswith(title,'x')", `{"value":[]}`), "$filter: there is no function beginswith"},
		"unknown order":               {get("/books?$orderby=tilte", `{"value":[]}`), "$orderby: town.library.book has no property tilte"},
		"expansion of a property":     {get("/books?$expand=title", `{"value":[]}`), "$expand: town.library.book has no navigation property title"},
		"page size":                   {get("/books?$top=many", `{"value":[]}`), `$top: "many" is no count`},
		"unknown option":              {get("/books?$pick=id", `{"value":[]}`), "query: there is no option $pick"},
		"unknown property":            {entity(`"title"`, `"tilte":"","title"`), "answer: town.library.book has no property tilte"},
		"unknown property deep":       {entity(`"due"`, `"deu"`), "answer.loans[0]: town.library.loan has no property deu"},
		"text for a number":           {entity(`12`, `"12"`), `answer.pages: is no Edm.Int32 but the text "12"`},
		"fraction":                    {entity(`12`, `1.5`), "answer.pages: is no Edm.Int32 but 1.5"},
		"number too large":            {entity(`12`, `3000000000`), "answer.pages: is no Edm.Int32 but 3e+09"},
		"text for a boolean":          {entity(`false`, `"false"`), `answer.torn: is no Edm.Boolean but the text "false"`},
		"number for a text":           {entity(`"Emma"`, `7`), "answer.title: is no Edm.String but 7"},
		"no guid":                     {entity(`"shelf":"`+code, `"shelf":"x`), `answer.shelf: is no Edm.Guid but the text "x"`},
		"no guid in a collection":     {entity(`["`+code, `["x`), `answer.loans[0].codes[0]: is no Edm.Guid but the text "x"`},
		"no time":                     {entity(`T09:00:00Z`, ` 09:00`), `answer.loans[0].due: is no Edm.DateTimeOffset but the text "2026-11-23 09:00"`},
		"unknown enum member":         {entity(`"novel"`, `"Novel"`), "answer.genre: town.library.genre has no member Novel"},
		"null where it may not be":    {entity(`"Emma"`, `null`), "answer.title: is null, which Edm.String must not be here"},
		"null for a collection":       {entity(`["`+code+`"]`, `null`), "answer.loans[0].codes: is no array of Edm.Guid but null"},
		"null in a collection":        {entity(`["`+code+`"]`, `[null]`), "answer.loans[0].codes[0]: is null, which Edm.Guid must not be here"},
		"one for many":                {get("/books/b1", `{"title":"x","loans":{}}`), "answer.loans: is no array of town.library.loan but an object"},
		"object for a text":           {entity(`"Emma"`, `{}`), "answer.title: is no Edm.String but an object"},
		"text for an object":          {get("/books/b1", strings.Replace(whole, `"loans":[`, `"loans":["x",`, 1)), `answer.loans[0]: is no object of town.library.loan but the text "x"`},
		"type that is not described":  {entity(`"pages"`, `"cover":{},"pages"`), "answer.cover: the type town.library.picture is not described"},
		"missing property":            {entity(`"title":"Emma",`, ``), "answer: lacks title, which town.library.book always has"},
		"missing property deep":       {entity(`"reader":"Anna",`, ``), "answer.loans[0]: lacks reader, which town.library.loan always has"},
		"unknown annotation":          {get("/books", `{"@odata.netxLink":"x","value":[]}`), "answer: there is no annotation @odata.netxLink"},
		"annotation at a wrong place": {entity(`"reader"`, `"@odata.nextLink":"x","reader"`), "answer.loans[0]: there is no annotation @odata.nextLink"},
		"count as text":               {get("/books", `{"@odata.count":"7","value":[]}`), `answer.@odata.count: is no Edm.Int32 but the text "7"`},
		"beside the value":            {get("/books", `{"total":7,"value":[]}`), "answer: Collection(town.library.book) has no property total"},
		"no value":                    {get("/books", `{"values":[]}`), "answer: has no value"},
		"no answer":                   {get("/books", ``), "answer: is empty"},
		"no JSON":                     {get("/books", `<html>`), "answer: is no JSON object"},
		"foreign type":                {get("/people", `{"value":[{"@odata.type":"#town.library.book"}]}`), "answer.value[0].@odata.type: #town.library.book is no town.library.person"},
		"odd removal":                 {get("/books/delta", `{"value":[{"id":"b","@removed":{"reason":"lost"}}]}`), "answer.value[0].@removed: the reason is neither changed nor deleted"},
		"removed and yet there":       {get("/books/delta", `{"value":[{"id":"b","title":"x","@removed":{"reason":"changed"}}]}`), "answer.value[0]: a removed object has its id and nothing else"},
		"unknown action parameter":    {send("POST", "/books/b1/lend", `{"reader":"A","until":"x"}`), "body: town.library.lend has no parameter until"},
		"missing action parameter":    {send("POST", "/books/b1/lend", `{}`), "body: town.library.lend needs the parameter reader"},
		"null action parameter":       {send("POST", "/books/b1/lend", `{"reader":null}`), "body.reader: is null, which Edm.String must not be here"},
		"wrong action parameter":      {send("POST", "/books/b1/lend", `{"reader":7}`), "body.reader: is no Edm.String but 7"},
		"incomplete action parameter": {send("POST", "/books/b1/lend", `{"reader":"A","loans":[{"reader":"A"}]}`), "body.loans[0]: lacks codes, which town.library.loan always has"},
		"body of a bare action":       {send("POST", "/books/close", `{"now":true}`), "body: town.library.close has no parameters"},
		"action on the wrong thing":   {send("POST", "/books/b1/close", ``), "path: town.library.book has no close"},
		"action by another method":    {get("/books/b1/lend", ``), "method: GET does not go with http://host/v1.0/books/b1/lend"},
		"function by another method":  {send("POST", "/books/delta", `{}`), "method: POST does not go with /v1.0/books/delta"},
		"changed property":            {send("PATCH", "/books/b1", `{"tilte":"x"}`), "body: town.library.book has no property tilte"},
		"binding of a property":       {send("PATCH", "/books/b1", `{"title@odata.bind":["x"]}`), "body.title@odata.bind: title is no navigation property"},
		"binding of one":              {send("PATCH", "/books/b1", `{"authors@odata.bind":"x"}`), `body.authors@odata.bind: is no array of Edm.String but the text "x"`},
		"odd link":                    {send("POST", "/books/b1/authors/$ref", `{"id":"x"}`), "body: a reference is an @odata.id and nothing else"},
		"body of a removal":           {send("DELETE", "/books/b1/authors/p/$ref", `{}`), "body: a DELETE has none"},
	} {
		t.Run(name, func(t *testing.T) {
			var found []string
			for _, f := range m.Check(test.exchange) {
				found = append(found, f.String())
			}
			assert.Contains(t, found, test.finding)
		})
	}
}

func TestGraphIsFoundBesideTheModuleOrSaidToBeAbsent(t *testing.T) {
	t.Setenv("GRAPH_CSDL", filepath.Join(t.TempDir(), "nowhere.xml"))
	_, err := csdl.Graph()
	require.ErrorIs(t, err, fs.ErrNotExist)
	t.Setenv("GRAPH_CSDL", filepath.Join("testdata", "library.xml"))
	_, err = csdl.Graph()
	require.ErrorContains(t, err, "the metadata lacks", "metadata of something else is not taken for Microsoft's")
}
