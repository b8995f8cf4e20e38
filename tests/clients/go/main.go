// Says to a server what the test beside it asks for, by version 2 of the Go SDK, and prints what it heard.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/datazone"
	"github.com/aws/aws-sdk-go-v2/service/datazone/types"
	"github.com/aws/smithy-go"
)

const entity = "go"

var formName = "my form/é+&%41"

func main() {
	endpoint, domain, typeID, content := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	ctx := context.Background()
	client := datazone.New(datazone.Options{
		BaseEndpoint: &endpoint,
		Region:       "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider(
			os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), ""),
	})
	when := time.Date(2024, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	end, page, asset, id := when.Add(3*time.Millisecond), int32(3), types.TimeSeriesEntityTypeAsset, entity

	formType, err := client.GetFormType(ctx, &datazone.GetFormTypeInput{DomainIdentifier: &domain, FormTypeIdentifier: &typeID})
	check(err)
	fmt.Println("type", *formType.Name, formType.Status)

	var forms []types.TimeSeriesDataPointFormInput
	for number := range 5 {
		at := when.Add(time.Duration(number) * time.Millisecond)
		forms = append(forms, types.TimeSeriesDataPointFormInput{
			FormName: &formName, TypeIdentifier: &typeID, TypeRevision: formType.Revision, Timestamp: &at, Content: &content})
	}
	posted, err := client.PostTimeSeriesDataPoints(ctx, &datazone.PostTimeSeriesDataPointsInput{
		DomainIdentifier: &domain, EntityIdentifier: &id, EntityType: asset, Forms: forms})
	check(err)
	fmt.Println("posted", len(posted.Forms))

	pages := datazone.NewListTimeSeriesDataPointsPaginator(client, &datazone.ListTimeSeriesDataPointsInput{
		DomainIdentifier: &domain, EntityIdentifier: &id, EntityType: asset, FormName: &formName,
		StartedAt: &when, EndedAt: &end, MaxResults: &page})
	for pages.HasMorePages() {
		listed, err := pages.NextPage(ctx)
		check(err)
		for _, item := range listed.Items {
			fmt.Println("listed", item.Timestamp.Format(time.RFC3339Nano), *item.ContentSummary)
		}
	}

	get := &datazone.GetTimeSeriesDataPointInput{
		DomainIdentifier: &domain, EntityIdentifier: &id, EntityType: asset, FormName: &formName, Identifier: posted.Forms[0].Id}
	got, err := client.GetTimeSeriesDataPoint(ctx, get)
	check(err)
	fmt.Println("got", got.Form.Timestamp.Equal(when), *got.Form.Content == content, *got.Form.TypeRevision)

	_, err = client.DeleteTimeSeriesDataPoints(ctx, &datazone.DeleteTimeSeriesDataPointsInput{
		DomainIdentifier: &domain, EntityIdentifier: &id, EntityType: asset, FormName: &formName})
	check(err)
	_, err = client.GetTimeSeriesDataPoint(ctx, get)
	var missing *types.ResourceNotFoundException
	fmt.Println("missing", errors.As(err, &missing))
	_, err = client.GetAsset(ctx, &datazone.GetAssetInput{DomainIdentifier: &domain, Identifier: &id})
	var elsewhere smithy.APIError
	if errors.As(err, &elsewhere) {
		fmt.Println("elsewhere", elsewhere.ErrorCode(), elsewhere.ErrorMessage())
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
