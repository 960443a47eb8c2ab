import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;

/** The works of harness.h in Java: the same threads, loops, payloads and line of JSON. */
final class Works {
  /** What a peer does; records lie one after the other in a direct buffer. */
  interface Peer {
    void open(String directory, boolean durable) throws IOException;

    Producer begin() throws IOException;

    /** Hands records to the reader until it has enough; waits for them when it follows. */
    void read(Reader reader, boolean follows) throws IOException;

    /** Finds the end of what is there and reads the last record. */
    void openAtEnd() throws IOException;
  }

  interface Producer {
    void append(ByteBuffer records, int size, int count);
  }

  /** One consumer's account of what it has seen. */
  static final class Reader {
    long count, sum, digest;
    final long expected;
    final Histogram latencies;

    Reader(long expected, Histogram latencies) {
      this.expected = expected;
      this.latencies = latencies;
    }

    /** Takes a record: its first eight bytes, and the others combined by exclusive or. False when that was enough. */
    boolean take(long first, long others) {
      sum += first;
      digest ^= others;
      if (latencies != null && first != 0) latencies.recordValue(System.nanoTime() - first);
      return ++count < expected;
    }
  }

  private static final int WINDOW = 64, DELIVERIES_PER_SECOND = 10000;
  /** The compilers need longer than a library in C. */
  private static final double WARM_UP_SECONDS = 1.5;

  private static final int WARMING_UP = 0, PAUSED = 1, MEASURING = 2, STOPPED = 3;

  private final Peer peer;
  private final String name, work, directory;
  private final Map<String, String> options = new HashMap<>();
  private final int size, producers;
  private final double seconds;
  private final long bytes;
  private volatile int phase = WARMING_UP;

  Works(Peer peer, String name, String[] arguments) {
    this.peer = peer;
    this.name = name;
    work = arguments[0];
    for (int i = 1; i + 1 < arguments.length; i += 2) options.put(arguments[i], arguments[i + 1]);
    directory = options.get("--directory");
    size = Integer.parseInt(options.getOrDefault("--size", "1024"));
    producers = Integer.parseInt(options.getOrDefault("--producers", "1"));
    seconds = Double.parseDouble(options.getOrDefault("--seconds", "2"));
    bytes = Long.parseLong(options.getOrDefault("--bytes", "2000000000"));
  }

  void run() throws Exception {
    long start = System.nanoTime();
    double cpu = cpuSeconds();
    peer.open(directory, work.equals("durable") || work.equals("window"));
    switch (work) {
      case "durable" -> runProducers(1);
      case "window", "unsynced" -> runProducers(WINDOW);
      case "read" -> runRead();
      case "deliver" -> runDeliver();
      case "fill" -> runFill();
      case "open" -> {
        peer.openAtEnd();
        double elapsed = (System.nanoTime() - start) / 1e9;
        cpu = cpuSeconds() - cpu;
        // The peer keeps no count: all are read, outside of the time.
        Reader all = new Reader(Long.MAX_VALUE, null);
        peer.read(all, false);
        print(all.count, elapsed, cpu, 0, null);
      }
      default -> throw new IllegalArgumentException(work + " is no work; see harness.h");
    }
    // Not all threads of a library end by themselves.
    System.out.flush();
    Runtime.getRuntime().halt(0);
  }

  private ByteBuffer makeRecords(int count, int seed) {
    ByteBuffer records = ByteBuffer.allocateDirect(size * count).order(ByteOrder.nativeOrder());
    long state = (seed + 1) * 0x9E3779B97F4A7C15L;
    for (int i = 0; i < size * count; i++) {
      state ^= state << 13;
      state ^= state >>> 7;
      state ^= state << 17;
      records.put(i, (byte) (state >>> 32));
    }
    return records;
  }

  private void number(ByteBuffer records, int count, long first) {
    for (int i = 0; i < count; i++) records.putLong(i * size, first + i);
  }

  private static Histogram histogram() {
    return new Histogram(TimeUnit.MINUTES.toNanos(1), 3);
  }

  private void runProducers(int together) throws Exception {
    List<Thread> threads = new ArrayList<>();
    List<Histogram> histograms = new ArrayList<>();
    AtomicLong[] counts = new AtomicLong[producers];
    AtomicLong paused = new AtomicLong();
    for (int i = 0; i < producers; i++) {
      AtomicLong count = counts[i] = new AtomicLong();
      Histogram latencies = histogram();
      histograms.add(latencies);
      int index = i;
      threads.add(new Thread(() -> produce(index, together, count, latencies, paused)));
    }
    for (Thread thread : threads) thread.start();
    long warmUntil = System.nanoTime() + (long) (WARM_UP_SECONDS * 1e9);
    while (System.nanoTime() < warmUntil && sum(counts) < bytes / size / 4) Thread.sleep(1);
    phase = PAUSED;
    while (paused.get() < producers) Thread.sleep(1);
    long device = deviceBytes();
    double cpu = cpuSeconds();
    long first = sum(counts), limit = first + bytes / size;
    long start = System.nanoTime(), end = start + (long) (seconds * 1e9);
    phase = MEASURING;
    while (System.nanoTime() < end && sum(counts) < limit) Thread.sleep(1);
    phase = STOPPED;
    for (Thread thread : threads) thread.join();
    double elapsed = (System.nanoTime() - start) / 1e9;
    cpu = cpuSeconds() - cpu;
    Histogram all = histogram();
    for (Histogram latencies : histograms) all.add(latencies);
    print(sum(counts) - first, elapsed, cpu, deviceBytes() - device, all);
  }

  private void produce(int index, int together, AtomicLong count, Histogram latencies, AtomicLong paused) {
    try {
      ByteBuffer records = makeRecords(together, index);
      Producer producer = peer.begin();
      boolean wasPaused = false;
      int now;
      while ((now = phase) != STOPPED) {
        if (now == PAUSED) {
          if (!wasPaused) paused.incrementAndGet();
          wasPaused = true;
          LockSupport.parkNanos(100_000);
          continue;
        }
        number(records, together, count.get());
        long start = System.nanoTime();
        producer.append(records, size, together);
        if (now == MEASURING) latencies.recordValue(System.nanoTime() - start);
        count.lazySet(count.get() + together);
      }
    } catch (IOException error) {
      fail(error);
    }
  }

  private static long sum(AtomicLong[] counts) {
    long sum = 0;
    for (AtomicLong count : counts) sum += count.get();
    return sum;
  }

  private long fill(Producer producer, ByteBuffer records) {
    long count = (bytes / size + WINDOW - 1) / WINDOW * WINDOW;
    for (long made = 0; made < count; made += WINDOW) {
      number(records, WINDOW, made);
      producer.append(records, size, WINDOW);
    }
    return count;
  }

  private long readOnce(long count, long digest) throws IOException {
    Reader reader = new Reader(count, null);
    long start = System.nanoTime();
    peer.read(reader, false);
    long elapsed = System.nanoTime() - start;
    if (reader.count != count || reader.sum != count * (count - 1) / 2 || reader.digest != digest)
      throw new IOException(reader.count + " of " + count + " records were read, or others than were written");
    return elapsed;
  }

  private void runRead() throws Exception {
    ByteBuffer records = makeRecords(WINDOW, 0);
    long count = fill(peer.begin(), records), digest = 0;
    // The records of a window come again and again, numbers apart.
    for (int i = 0; count / WINDOW % 2 == 1 && i < WINDOW; i++)
      for (int j = 8; j + 8 <= size; j += 8) digest ^= records.getLong(i * size + j);
    for (int i = 0; i < 3; i++) readOnce(count, digest);
    double cpu = cpuSeconds();
    long elapsed = 0, passes = 0;
    for (; elapsed < seconds * 1e9; passes++) elapsed += readOnce(count, digest);
    print(passes * count, elapsed / 1e9, cpuSeconds() - cpu, 0, null);
  }

  private void runDeliver() throws Exception {
    long unmeasured = (long) (WARM_UP_SECONDS * DELIVERIES_PER_SECOND);
    long count = unmeasured + (long) (seconds * DELIVERIES_PER_SECOND);
    Histogram latencies = histogram();
    Producer producer = peer.begin();
    ByteBuffer record = makeRecords(1, 0);
    Thread consumer =
        new Thread(
            () -> {
              try {
                peer.read(new Reader(count, latencies), true);
              } catch (IOException error) {
                fail(error);
              }
            });
    consumer.start();
    double cpu = cpuSeconds();
    long start = System.nanoTime() + 1_000_000;
    for (long i = 0; i < count; i++) {
      // As in works.c: late because of the one before counts from when it was due, late because of the timer does not.
      long due = start + i * (1_000_000_000 / DELIVERIES_PER_SECOND), stamp = due;
      if (System.nanoTime() < due) {
        while (System.nanoTime() < due) LockSupport.parkNanos(due - System.nanoTime());
        stamp = System.nanoTime();
      }
      record.putLong(0, i < unmeasured ? 0 : stamp);
      producer.append(record, size, 1);
    }
    consumer.join();
    print(count, (System.nanoTime() - start) / 1e9, cpuSeconds() - cpu, 0, latencies);
  }

  private void runFill() throws IOException {
    ByteBuffer records = makeRecords(WINDOW, 0);
    Producer producer = peer.begin();
    System.out.println("{\"filled\": " + fill(producer, records) + "}");
    while (true) producer.append(records, size, 1);
  }

  private static double cpuSeconds() {
    var system = (com.sun.management.OperatingSystemMXBean)
        java.lang.management.ManagementFactory.getOperatingSystemMXBean();
    return system.getProcessCpuTime() / 1e9;
  }

  /** Bytes that the block device has written, once all that is pending is on it; 0 where there is no such count. */
  private long deviceBytes() throws Exception {
    new ProcessBuilder("sync", "-f", directory).inheritIO().start().waitFor();
    Process device = new ProcessBuilder("stat", "-c", "%Hd:%Ld", directory).start();
    String number = new String(device.getInputStream().readAllBytes()).trim();
    Path counters = Path.of("/sys/dev/block/" + number + "/stat");
    if (!Files.exists(counters)) return 0;
    return Long.parseLong(Files.readString(counters).trim().split("\\s+")[6]) * 512;
  }

  private void print(long records, double seconds, double cpu, long device, Histogram all) {
    String latency =
        all == null || all.getTotalCount() == 0
            ? "null"
            : String.format(
                Locale.ROOT,
                "{\"p50\": %.3f, \"p99\": %.3f, \"p999\": %.3f, \"max\": %.3f, \"count\": %d}",
                all.getValueAtPercentile(50) / 1e3,
                all.getValueAtPercentile(99) / 1e3,
                all.getValueAtPercentile(99.9) / 1e3,
                all.getMaxValue() / 1e3,
                all.getTotalCount());
    System.out.printf(
        Locale.ROOT,
        "{\"peer\": \"%s\", \"window\": \"63 appends, a synchronous one\", \"checks\": \"nothing\", \"work\": \"%s\","
            + " \"size\": %d, \"producers\": %d, \"records\": %d, \"seconds\": %.9f, \"cpu_seconds\": %.6f,"
            + " \"device_bytes\": %d, \"device_bytes_from\": \"device\", \"latency_us\": %s}%n",
        name, work, size, producers, records, seconds, cpu, device, latency);
  }

  private static void fail(Throwable error) {
    error.printStackTrace();
    Runtime.getRuntime().halt(1);
  }
}
