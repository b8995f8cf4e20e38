import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Timer;
import io.micrometer.kairos.KairosConfig;
import io.micrometer.kairos.KairosMeterRegistry;
import java.time.Duration;

/** Publishes meters of several kinds to a server, by micrometer-registry-kairos; in somebody's name, if it is given. */
class MicrometerDialogue {
    public static void main(String[] arguments) {
        KairosConfig config = key -> switch (key) {
            case "kairos.uri" -> arguments[0];
            case "kairos.userName" -> arguments.length > 1 ? arguments[1] : null;
            case "kairos.password" -> arguments.length > 1 ? arguments[2] : null;
            default -> null;
        };
        KairosMeterRegistry registry = new KairosMeterRegistry(config, Clock.SYSTEM);
        registry.config().commonTags("host", "a");
        Gauge.builder("queue.size", () -> 17.5).register(registry);
        registry.counter("requests", "kind", "read").increment(3);
        Timer.builder("latency").publishPercentiles(0.5).register(registry).record(Duration.ofMillis(20));
        registry.close(); // publishes what it has
    }
}
