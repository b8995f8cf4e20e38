import org.kairosdb.client.HttpClient;
import org.kairosdb.client.builder.MetricBuilder;

/** Writes and reads by org.kairosdb:client in the name of each user that a URL has, and prints what it heard. */
class KairosCredentials {
    public static void main(String[] urls) throws Exception {
        for (String url : urls) {
            try (HttpClient client = new HttpClient(url)) {
                System.out.println(heard(() -> {
                    MetricBuilder metrics = MetricBuilder.getInstance();
                    metrics.addMetric("by.kairos").addTag("host", "a").addDataPoint(1_700_000_000_000L, 1);
                    client.pushMetrics(metrics);
                    return "pushed";
                }) + ", " + heard(() -> client.getMetricNames().contains("by.kairos") ? "names" : "no names"));
            }
        }
    }

    private interface Call {
        String run() throws Exception;
    }

    private static String heard(Call call) {
        try {
            return call.run();
        } catch (Exception refused) {
            return refused.getClass().getSimpleName() + " " + refused.getMessage();
        }
    }
}
