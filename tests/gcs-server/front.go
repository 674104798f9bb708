package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"sync"
)

// Google's own name, under which the server behind knows all of its paths.
const host = "storage.googleapis.com"

// An upload in parts, which are kept here until it is complete.
type upload struct {
	parts map[int][]byte
}

type front struct {
	behind http.Handler

	mutex   sync.Mutex
	uploads map[string]*upload
	last    int
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bucket, object, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	if f.ask(http.MethodGet, "/storage/v1/b/"+bucket, nil, nil).Code != http.StatusOK {
		refuse(w, http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist.")
		return
	}
	query := r.URL.Query()
	switch id := query.Get("uploadId"); {
	case object == "":
		pass(w, f.ask(http.MethodGet, "/"+bucket, query, nil))
	case r.Method == http.MethodPost && query.Has("uploads"):
		f.begin(w, bucket, object)
	case id != "":
		f.goOn(w, r, bucket, object, id)
	case r.Method == http.MethodPut && r.Header.Get("x-goog-copy-source") != "":
		from, name, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("x-goog-copy-source"), "/"), "/")
		copied := f.ask(http.MethodPost, "/storage/v1/b/"+from+"/o/"+name+"/rewriteTo/b/"+bucket+"/o/"+object, nil, nil)
		stored(w, copied, "CopyObjectResult", "resource")
	case r.Method == http.MethodPut:
		f.put(w, bucket, object, r.Header.Get("x-goog-if-generation-match"), r.Body)
	case r.Method == http.MethodDelete:
		pass(w, f.ask(http.MethodDelete, "/storage/v1/b/"+bucket+"/o/"+object, nil, nil))
	default:
		inner := r.Clone(r.Context())
		inner.URL = parsed("/download/storage/v1/b/"+bucket+"/o/"+object, url.Values{"alt": {"media"}})
		inner.Host, inner.RequestURI = host, ""
		answer := httptest.NewRecorder()
		f.behind.ServeHTTP(answer, inner)
		pass(w, answer)
	}
}

// put writes an object, of a generation that may be demanded; 0 is that of none.
func (f *front) put(w http.ResponseWriter, bucket, object, generation string, content io.Reader) {
	name, err := url.PathUnescape(object)
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidURI", err.Error())
		return
	}
	query := url.Values{"uploadType": {"media"}, "name": {name}}
	if generation != "" {
		query.Set("ifGenerationMatch", generation)
	}
	stored(w, f.ask(http.MethodPost, "/upload/storage/v1/b/"+bucket+"/o", query, content), "CompleteMultipartUploadResult", "")
}

func (f *front) begin(w http.ResponseWriter, bucket, object string) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.last++
	id := strconv.Itoa(f.last)
	f.uploads[id] = &upload{parts: map[int][]byte{}}
	type result struct {
		XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
		Bucket   string
		Key      string
		UploadId string
	}
	reply(w, http.StatusOK, result{Bucket: bucket, Key: object, UploadId: id})
}

func (f *front) goOn(w http.ResponseWriter, r *http.Request, bucket, object, id string) {
	content, err := io.ReadAll(r.Body)
	f.mutex.Lock()
	defer f.mutex.Unlock()
	begun := f.uploads[id]
	if err != nil || begun == nil {
		refuse(w, http.StatusNotFound, "NoSuchUpload", "The requested upload was not found.")
		return
	}
	switch r.Method {
	case http.MethodPut:
		number, err := strconv.Atoi(r.URL.Query().Get("partNumber"))
		if err != nil {
			refuse(w, http.StatusBadRequest, "InvalidArgument", err.Error())
			return
		}
		begun.parts[number] = content
		w.Header().Set("ETag", fmt.Sprintf("%q", strconv.Itoa(number)))
	case http.MethodPost:
		delete(f.uploads, id)
		numbers := make([]int, 0, len(begun.parts))
		for number := range begun.parts {
			numbers = append(numbers, number)
		}
		sort.Ints(numbers)
		var whole bytes.Buffer
		for _, number := range numbers {
			whole.Write(begun.parts[number])
		}
		f.put(w, bucket, object, "", &whole)
	default:
		delete(f.uploads, id)
		w.WriteHeader(http.StatusNoContent)
	}
}

// ask sends a request to the server behind.
func (f *front) ask(method, path string, query url.Values, content io.Reader) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, "http://"+host, content)
	request.URL, request.Host = parsed(path, query), host
	answer := httptest.NewRecorder()
	f.behind.ServeHTTP(answer, request)
	return answer
}

func parsed(path string, query url.Values) *url.URL {
	target := &url.URL{RawPath: path, RawQuery: query.Encode()}
	target.Path, _ = url.PathUnescape(path)
	return target
}

// stored tells of an object that was written, which the JSON API describes below that name.
func stored(w http.ResponseWriter, answer *httptest.ResponseRecorder, result, below string) {
	if answer.Code >= http.StatusBadRequest {
		pass(w, answer)
		return
	}
	var document map[string]json.RawMessage
	if below != "" && json.Unmarshal(answer.Body.Bytes(), &document) == nil {
		answer.Body = bytes.NewBuffer(document[below])
	}
	var object struct{ Generation, Etag string }
	if err := json.Unmarshal(answer.Body.Bytes(), &object); err != nil {
		refuse(w, http.StatusInternalServerError, "InternalError", err.Error())
		return
	}
	w.Header().Set("x-goog-generation", object.Generation)
	w.Header().Set("ETag", fmt.Sprintf("%q", strings.Trim(object.Etag, `"`)))
	type completed struct {
		XMLName xml.Name
		ETag    string
	}
	reply(w, http.StatusOK, completed{XMLName: xml.Name{Local: result}, ETag: object.Etag})
}

// pass hands on an answer, with its errors in the words of the XML API.
func pass(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	switch {
	case answer.Code == http.StatusNotFound:
		refuse(w, answer.Code, "NoSuchKey", "The specified key does not exist.")
	case answer.Code == http.StatusPreconditionFailed:
		refuse(w, answer.Code, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold.")
	case answer.Code >= http.StatusBadRequest:
		refuse(w, answer.Code, "InternalError", strings.TrimSpace(answer.Body.String()))
	default:
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}
}
