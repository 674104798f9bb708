// Serves a bucket as Google Cloud Storage does over its XML API, with bearer tokens that a service account has signed.
//
// What is stored, listed and refused by its generation is the business of fake-gcs-server, which speaks the JSON API; its XML API
// knows listings alone. What stands here puts the one into the other, as Google's reference of the XML API has it.
package main

import (
	"encoding/xml"
	"flag"
	"fmt"
	"log"
	"net/http"
	"strconv"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

func main() {
	port := flag.Int("port", 4443, "where to listen, on the loopback address alone")
	bucket := flag.String("bucket", "flink", "the bucket to be made")
	credentials := flag.String("credentials", "credentials.json", "the file to be written with the key of a service account")
	flag.Parse()

	account, err := newAccount(*credentials)
	if err != nil {
		log.Fatal(err)
	}
	server, err := fakestorage.NewServerWithOptions(fakestorage.Options{NoListener: true})
	if err != nil {
		log.Fatal(err)
	}
	server.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: *bucket})
	front := &front{behind: server.HTTPHandler(), uploads: map[string]*upload{}}
	names := func(w http.ResponseWriter) {
		objects, _, err := server.ListObjectsWithOptions(*bucket, fakestorage.ListOptions{})
		if err != nil {
			refuse(w, http.StatusInternalServerError, "InternalError", err.Error())
			return
		}
		for _, object := range objects {
			fmt.Fprintln(w, object.Name)
		}
	}
	listener := &http.Server{
		Addr: "127.0.0.1:" + strconv.Itoa(*port),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			// For who runs the server; no bucket can have this name.
			if r.URL.Path == "/_names" {
				names(w)
				return
			}
			if err := account.check(r.Header.Get("Authorization")); err != nil {
				refuse(w, http.StatusUnauthorized, "AuthenticationRequired", err.Error())
				return
			}
			front.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: time.Minute,
	}
	log.Fatal(listener.ListenAndServe())
}

// refuse answers as the XML API does.
func refuse(w http.ResponseWriter, status int, code, message string) {
	type answer struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}
	reply(w, status, answer{Code: code, Message: message})
}

func reply(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/xml; charset=UTF-8")
	w.WriteHeader(status)
	if _, err := w.Write([]byte(xml.Header)); err == nil {
		_ = xml.NewEncoder(w).Encode(document)
	}
}
