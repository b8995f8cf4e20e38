import java.util.Date;
import org.kairosdb.client.HttpClient;
import org.kairosdb.client.builder.DataPoint;
import org.kairosdb.client.builder.MetricBuilder;
import org.kairosdb.client.builder.QueryBuilder;
import org.kairosdb.client.builder.grouper.TagGrouper;
import org.kairosdb.client.response.QueryResponse;
import org.kairosdb.client.response.Result;

/** Says to a server what the test beside it asks for, by org.kairosdb:client, and prints what it heard. */
class KairosDialogue {
    public static void main(String[] arguments) throws Exception {
        String name = arguments[1];
        long start = Long.parseLong(arguments[2]);
        try (HttpClient client = new HttpClient(arguments[0])) {
            System.out.println("version " + client.getVersion());
            System.out.println("check " + client.getStatusCheck() + " " + client.getStatus());

            MetricBuilder metrics = MetricBuilder.getInstance();
            for (String host : new String[] {"a", "b"}) {
                metrics.addMetric(name + ".long").addTag("host", host).addDataPoint(start, 1L << 62).addDataPoint(start + 1, -3);
            }
            metrics.addMetric(name + ".double").addTag("host", "a").addDataPoint(start, 0.1).addTtl(86_400);
            metrics.addMetric(name + ".string", "string").addTag("host", "a").addDataPoint(start, (Object) "up \u00e9");
            client.pushMetrics(metrics);
            System.out.println("names " + client.getMetricNames().stream().filter(found -> found.startsWith(name)).toList());

            QueryBuilder query = QueryBuilder.getInstance().setStart(new Date(start)).setEnd(new Date(start + 1000));
            query.addMetric(name + ".long").addGrouper(new TagGrouper("host"));
            query.addMetric(name + ".double");
            query.addMetric(name + ".string");
            query.addMetric(name + ".none");
            print(client.query(query));

            QueryBuilder later = QueryBuilder.getInstance().setStart(new Date(start + 1));
            later.addMetric(name + ".long");
            client.delete(later);
            client.deleteMetric(name + ".double");
            System.out.println("deleted");
            print(client.query(query));
        }
    }

    private static void print(QueryResponse response) {
        for (var asked : response.getQueries()) {
            System.out.println("sample_size " + asked.getSampleSize());
            for (Result result : asked.getResults()) {
                StringBuilder line = new StringBuilder(result.getName() + " " + result.getTags());
                for (DataPoint point : result.getDataPoints()) {
                    line.append(" ").append(point.getTimestamp()).append("=").append(point.getValue());
                }
                System.out.println(line);
            }
        }
    }
}
