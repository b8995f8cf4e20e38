import java.net.URI;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import software.amazon.awssdk.services.datazone.DataZoneClient;
import software.amazon.awssdk.services.datazone.model.DataZoneException;
import software.amazon.awssdk.services.datazone.model.GetFormTypeResponse;
import software.amazon.awssdk.services.datazone.model.PostTimeSeriesDataPointsResponse;
import software.amazon.awssdk.services.datazone.model.ResourceNotFoundException;
import software.amazon.awssdk.services.datazone.model.TimeSeriesDataPointFormInput;
import software.amazon.awssdk.services.datazone.model.TimeSeriesDataPointFormOutput;
import software.amazon.awssdk.services.datazone.model.TimeSeriesEntityType;

/** Says to a server what the test beside it asks for, by version 2 of the Java SDK, and prints what it heard. */
class DataZoneDialogue {
    private static final String FORM = "my form/\u00e9+&%41";
    private static final String ENTITY = "java";

    public static void main(String[] arguments) {
        String domain = arguments[1];
        String typeId = arguments[2];
        Instant when = Instant.parse("2024-01-02T03:04:05.678Z");
        try (DataZoneClient client = DataZoneClient.builder().endpointOverride(URI.create(arguments[0])).build()) {
            GetFormTypeResponse type = client.getFormType(ask -> ask.domainIdentifier(domain).formTypeIdentifier(typeId));
            System.out.println("type " + type.name() + " " + type.statusAsString() + " " + type.model().type());

            List<TimeSeriesDataPointFormInput> forms = new ArrayList<>();
            for (int number = 0; number < 5; number++) {
                forms.add(TimeSeriesDataPointFormInput.builder()
                        .formName(FORM)
                        .typeIdentifier(typeId)
                        .typeRevision(type.revision())
                        .timestamp(when.plusMillis(number))
                        .content(arguments[3])
                        .build());
            }
            PostTimeSeriesDataPointsResponse posted = client.postTimeSeriesDataPoints(post -> post
                    .domainIdentifier(domain).entityIdentifier(ENTITY).entityType(TimeSeriesEntityType.ASSET).forms(forms));
            System.out.println("posted " + posted.sdkHttpResponse().statusCode() + " " + posted.forms().size());

            client.listTimeSeriesDataPointsPaginator(list -> list
                            .domainIdentifier(domain).entityIdentifier(ENTITY).entityType(TimeSeriesEntityType.ASSET)
                            .formName(FORM).startedAt(when).endedAt(when.plusMillis(3)).maxResults(3))
                    .items()
                    .forEach(item -> System.out.println("listed " + item.timestamp() + " " + item.contentSummary()));

            TimeSeriesDataPointFormOutput got = client.getTimeSeriesDataPoint(get -> get
                            .domainIdentifier(domain).entityIdentifier(ENTITY).entityType(TimeSeriesEntityType.ASSET)
                            .formName(FORM).identifier(posted.forms().get(0).id()))
                    .form();
            System.out.println("got " + got.equals(posted.forms().get(0)) + " " + got.content().equals(arguments[3]));

            int status = client.deleteTimeSeriesDataPoints(delete -> delete
                            .domainIdentifier(domain).entityIdentifier(ENTITY).entityType(TimeSeriesEntityType.ASSET).formName(FORM))
                    .sdkHttpResponse()
                    .statusCode();
            System.out.println("deleted " + status);

            try {
                client.getTimeSeriesDataPoint(get -> get
                        .domainIdentifier(domain).entityIdentifier(ENTITY).entityType(TimeSeriesEntityType.ASSET)
                        .formName(FORM).identifier(got.id()));
            } catch (ResourceNotFoundException missing) {
                System.out.println("missing " + missing.statusCode());
            }
            try {
                client.getAsset(get -> get.domainIdentifier(domain).identifier(ENTITY));
            } catch (DataZoneException elsewhere) {
                System.out.println("elsewhere " + elsewhere.awsErrorDetails().errorCode() + " " + elsewhere.awsErrorDetails().errorMessage());
            }
        }
    }
}
