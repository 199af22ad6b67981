// Orders an image by HTTP, with a client that is generated from the gateway's OpenAPI document; in the folder of this file:
//
//	mkdir -p api && go tool oapi-codegen -generate types,client -package api -o api/api.gen.go ../../docs/openapi.json
//	go run . http://127.0.0.1:8090 order-4711
//
// Run again with the same key it orders nothing: the same result is answered.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"

	"http-client/api"
)

const model = "blackforestlabs/flux-2-klein/4b/text-to-image"

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: http-client BASE-URL KEY")
	}
	base, key := os.Args[1], os.Args[2]
	ctx := context.Background()
	// On loopback a gateway without API keys asks for none.
	authorize := func(_ context.Context, request *http.Request) error {
		if token := os.Getenv("RUNCOMFY_GATEWAY_KEY"); token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		return nil
	}
	client, err := api.NewClientWithResponses(base, api.WithRequestEditorFn(authorize))
	must(err)
	order := func(prompt string) *api.StartGenerationResponse {
		wanted := api.StartGeneration{Key: &key, Model: model, Input: &api.ModelInput{"prompt": prompt}}
		answer, err := client.StartGenerationWithResponse(ctx, &api.StartGenerationParams{}, wanted)
		must(err)
		return answer
	}

	if started := order("a lighthouse in fog"); started.StatusCode() >= 300 {
		log.Fatalf("not ordered: %s", started.Body)
	}
	fmt.Println(key, await(ctx, client, key).Output.Images[0])

	fmt.Println(order("something else").ApplicationproblemJSON422.Name)
	missing, err := client.GetGenerationWithResponse(ctx, key+"-never-ordered", &api.GetGenerationParams{})
	must(err)
	fmt.Println(missing.ApplicationproblemJSON404.Name)
}

func await(ctx context.Context, client *api.ClientWithResponses, key string) *api.GenerationResult {
	wait := "wait=60"
	for {
		answer, err := client.GetResultWithResponse(ctx, key, &api.GetResultParams{Prefer: &wait})
		must(err)
		if answer.JSON200 != nil {
			return answer.JSON200
		}
		// 202 for as long as it runs.
		if answer.JSON202 == nil {
			log.Fatalf("no result: %s", answer.Body)
		}
	}
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
