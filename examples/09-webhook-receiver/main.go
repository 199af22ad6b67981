// A receiver of webhooks in Go: takes events that are signed with its secret, and answers 400 to anything else.
//
//	cd examples/09-webhook-receiver && WEBHOOK_SECRET=whsec_… go run . [PORT]
//
// An event may arrive twice, always under the same webhook-id: a real receiver remembers the ids that it has seen.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func main() {
	webhook, err := webhooks.NewWebhook(os.Getenv("WEBHOOK_SECRET"))
	if err != nil {
		log.Fatal(err)
	}
	port := "8080"
	if len(os.Args) > 1 {
		port = os.Args[1]
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.Serve(listener, http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		var event struct {
			Type string
			Data struct{ Key string }
		}
		body, err := io.ReadAll(request.Body)
		// Of the body as it came: what is parsed and written again has another signature.
		if err != nil || webhook.Verify(body, request.Header) != nil || json.Unmarshal(body, &event) != nil {
			response.WriteHeader(http.StatusBadRequest)
			return
		}
		fmt.Println(event.Type, event.Data.Key)
		response.WriteHeader(http.StatusNoContent)
	})))
}
